// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.guest: what the imaginary guest's agent tells and does.

#include <algorithm>

#include "domains.h"
#include "figures.h"
#include "op.h"
#include "sdk/params.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

constexpr const char* kHostname = "testhost";
struct MountedDisk {
    const char *mountpoint, *name, *type;
};
constexpr MountedDisk kFilesystems[] = {{"/", "vda1", "ext4"}, {"/boot", "vda2", "ext4"}};

class Agent : public Ops {
  public:
    using Ops::Ops;

    pv_status fsfreeze(pv_call* call, const pv_obj* obj, const pv_dom_fsfreeze_in& in, pv_dom_fsfreeze_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainFSFreeze"); !flags) return answer(call, flags);
        return freeze(call, obj, {in.mountpoints, in.mountpoints + in.nmountpoints}, true, out.filesystems);
    }
    pv_status fsthaw(pv_call* call, const pv_obj* obj, const pv_dom_fsthaw_in& in, pv_dom_fsthaw_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainFSThaw"); !flags) return answer(call, flags);
        return freeze(call, obj, {in.mountpoints, in.mountpoints + in.nmountpoints}, false, out.filesystems);
    }
    pv_status fstrim(pv_call* call, const pv_obj* obj, const pv_dom_fstrim_in& in, pv_dom_fstrim_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainFSTrim"); !flags) return answer(call, flags);
        if (in.mountpoint != nullptr && !known(in.mountpoint)) return fail(call, no_mountpoint(in.mountpoint));
        return when_running(call, obj, "trim", [](Inside&) { return Status(); });
    }
    pv_status fsinfo(pv_call* call, const pv_obj* obj, const pv_dom_fsinfo_in& in, pv_dom_fsinfo_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetFSInfo"); !flags) return answer(call, flags);
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        const std::string disk = first_disk(**live);
        if (disk.empty()) return PV_OK; // nothing to have a file system on
        const char* const devices[] = {disk.c_str()};
        for (const MountedDisk& fs : kFilesystems) {
            pv_dom_filesystem record{};
            record.size = sizeof record;
            record.mountpoint = fs.mountpoint;
            record.name = fs.name;
            record.type = fs.type;
            record.devices = devices;
            record.ndevices = 1;
            s_.build->add_record(out.filesystems, &record);
        }
        return PV_OK;
    }

    pv_status time(pv_call* call, const pv_obj* obj, const pv_dom_time_in& in, pv_dom_time_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetTime"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return fail(call, not_running());
        out.seconds = guest->inside.seconds; // stands still, so that tests can compare
        return PV_OK;
    }
    pv_status set_time(pv_call* call, const pv_obj* obj, const pv_dom_set_time_in& in, pv_dom_set_time_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_TIME_SYNC, "testDomainSetTime"); !flags) return answer(call, flags);
        return when_running(call, obj, "set time", [seconds = in.seconds](Inside& inside) {
            inside.seconds = seconds;
            return Status();
        });
    }

    pv_status guest_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_guest_vcpus_in& in, pv_dom_guest_vcpus_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetGuestVcpus"); !flags) return answer(call, flags);
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        const std::uint32_t n = vcpus_of(**live);
        const GuestPtr guest = Domains::of(obj);
        sdk::xml::CpuSet online;
        {
            const ObjectLock lock(guest->mu);
            for (std::uint32_t i = 0; i < n; ++i) {
                if (guest->inside.offline.contains(i)) continue;
                if (!online.ranges.empty() && online.ranges.back().second + 1 == i) online.ranges.back().second = i;
                else online.ranges.emplace_back(i, i);
            }
        }
        const std::string all = n > 1 ? fmt::format("0-{}", n - 1) : "0";
        const ParamWriter w(s_, out.params);
        w.put("vcpus", std::string_view(all));
        w.put("online", std::string_view(online.to_string()));
        if (n > 1) w.put("offlinable", std::string_view(n > 2 ? fmt::format("1-{}", n - 1) : std::string("1")));
        return PV_OK;
    }

    // The first one stays: somebody must hear of the others' return.
    pv_status set_guest_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_set_guest_vcpus_in& in, pv_dom_set_guest_vcpus_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainSetGuestVcpus"); !flags) return answer(call, flags);
        if (in.state != 0 && in.state != 1)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unsupported state value '{}', expected 0 or 1", in.state));
        const auto map = sdk::xml::CpuSet::parse(in.cpumap);
        if (!map || map->empty())
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found processors '{}', expected numbers like '0-3,5'", in.cpumap));
        return driver_.domains().change(call, obj, "set guest vcpus", [map = *map, on = in.state != 0](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.active()) return not_running();
            const std::uint32_t there = vcpus_of(*guest.live);
            if (std::any_of(map.ranges.begin(), map.ranges.end(), [there](const auto& range) { return range.second >= there; }))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "guest is missing vCPUs '{}'", map.to_string());
            if (!on && map.contains(0)) return invalid("the guest cannot do without vCPU 0");
            for (const auto& [first, last] : map.ranges)
                for (std::uint32_t i = first; i <= last; ++i)
                    if (on) guest.inside.offline.erase(i);
                    else guest.inside.offline.insert(i);
            return {};
        });
    }

    pv_status set_user_password(pv_call* call, const pv_obj* obj, const pv_dom_set_user_password_in& in, pv_dom_set_user_password_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_PASSWORD_ENCRYPTED, "testDomainSetUserPassword"); !flags) return answer(call, flags);
        if (in.user == nullptr || std::string_view(in.user) != "root")
            return fail(call, make_error(ErrorCode::operation_failed, ErrorDomain::test, "user '{}' not found", in.user != nullptr ? in.user : ""));
        return when_running(call, obj, "set password", [](Inside&) { return Status(); });
    }

    pv_status hostname(pv_call* call, const pv_obj* obj, const pv_dom_hostname_in& in, pv_dom_hostname_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_GET_HOSTNAME_LEASE | PV_DOMAIN_GET_HOSTNAME_AGENT, "testDomainGetHostname"); !flags)
            return answer(call, flags);
        if (const auto live = running(obj); !live) return fail(call, live.error());
        return put(out.hostname, kHostname);
    }

    pv_status interface_addresses(pv_call* call, const pv_obj* obj, const pv_dom_interface_addresses_in& in, pv_dom_interface_addresses_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainInterfaceAddresses"); !flags) return answer(call, flags);
        if (in.source > PV_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
            return fail(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::test, "Unknown IP address data source {}", in.source));
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        std::uint32_t number = 0;
        for (const Interface& i : (*live)->devices.interfaces) {
            const std::string mac = mac_of(i), text = address_of(i, number++);
            pv_dom_ip_address address{};
            address.size = sizeof address;
            address.type = PV_IP_ADDR_TYPE_IPV4;
            address.prefix = 24;
            address.address = text.c_str();
            pv_dom_interface record{};
            record.size = sizeof record;
            record.name = i.target.dev.c_str();
            record.hwaddr = mac.c_str();
            record.addresses = &address;
            record.naddresses = 1;
            s_.build->add_record(out.interfaces, &record);
        }
        return PV_OK;
    }

    pv_status ssh_keys(pv_call* call, const pv_obj* obj, const pv_dom_ssh_keys_in& in, pv_dom_ssh_keys_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainAuthorizedSSHKeysGet"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return fail(call, not_running());
        const auto found = guest->inside.ssh_keys.find(in.user);
        if (found == guest->inside.ssh_keys.end()) return PV_OK;
        for (const std::string& key : found->second) s_.build->add_string(out.keys, key.c_str());
        return PV_OK;
    }
    pv_status set_ssh_keys(pv_call* call, const pv_obj* obj, const pv_dom_set_ssh_keys_in& in, pv_dom_set_ssh_keys_out&) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND | PV_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainAuthorizedSSHKeysSet"); !flags) return answer(call, flags);
        std::vector<std::string> keys(in.keys, in.keys + in.nkeys);
        return when_running(call, obj, "set keys", [user = std::string(in.user), keys = std::move(keys), flags = in.flags](Inside& inside) -> Status {
            constexpr std::size_t kMax = 1000;
            auto& there = inside.ssh_keys[user];
            if ((flags & kKnown) == 0) there.clear();
            for (const std::string& key : keys) std::erase(there, key);
            if ((flags & PV_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE) == 0) there.insert(there.end(), keys.begin(), keys.end());
            if (inside.ssh_keys.size() <= kMax && there.size() <= kMax) return {};
            inside.ssh_keys.erase(user);
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "the guest keeps at most {} users and keys", kMax);
        });
    }
    pv_status set_response_timeout(pv_call* call, const pv_obj* obj, const pv_dom_set_response_timeout_in& in, pv_dom_set_response_timeout_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainAgentSetResponseTimeout"); !flags) return answer(call, flags);
        if (in.timeout < -2)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "guest agent timeout '{}' is less than the minimum '-2'", in.timeout));
        return when_running(call, obj, "agent timeout", [](Inside&) { return Status(); });
    }

    pv_status guest_info(pv_call* call, const pv_obj* obj, const pv_dom_guest_info_in& in, pv_dom_guest_info_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetGuestInfo"); !flags) return answer(call, flags);
        constexpr std::uint32_t kKnown = PV_DOMAIN_GUEST_INFO_USERS | PV_DOMAIN_GUEST_INFO_OS | PV_DOMAIN_GUEST_INFO_TIMEZONE |
                                         PV_DOMAIN_GUEST_INFO_HOSTNAME | PV_DOMAIN_GUEST_INFO_FILESYSTEM | PV_DOMAIN_GUEST_INFO_INTERFACES;
        if ((in.types & ~kKnown) != 0 && (in.types & kKnown) == 0)
            return fail(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "guest info of types 0x{:x} is not there", in.types));
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        const ParamWriter w(s_, out.params);
        const auto wants = [types = in.types](std::uint32_t bit) { return types == 0 || (types & bit) != 0; };
        if (wants(PV_DOMAIN_GUEST_INFO_USERS)) put_users(w);
        if (wants(PV_DOMAIN_GUEST_INFO_OS)) put_os(w);
        if (wants(PV_DOMAIN_GUEST_INFO_TIMEZONE)) {
            w.put(PV_DOMAIN_GUEST_INFO_TIMEZONE_NAME, std::string_view("UTC"));
            w.put(PV_DOMAIN_GUEST_INFO_TIMEZONE_OFFSET, std::int32_t{0});
        }
        if (wants(PV_DOMAIN_GUEST_INFO_HOSTNAME)) w.put(PV_DOMAIN_GUEST_INFO_HOSTNAME_HOSTNAME, std::string_view(kHostname));
        if (wants(PV_DOMAIN_GUEST_INFO_FILESYSTEM)) put_filesystems(w, **live);
        if (wants(PV_DOMAIN_GUEST_INFO_INTERFACES)) put_interfaces(w, **live);
        return PV_OK;
    }

  private:
    static Result<DocumentPtr> running(const pv_obj* obj) {
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->live) return not_running();
        return guest->live;
    }
    pv_status when_running(pv_call* call, const pv_obj* obj, const char* what, std::function<Status(Inside&)> step) {
        return driver_.domains().change(call, obj, what, [step = std::move(step)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return guest.active() ? step(guest.inside) : Status(not_running());
        });
    }

    static bool known(std::string_view mountpoint) {
        return std::any_of(std::begin(kFilesystems), std::end(kFilesystems), [&](const MountedDisk& fs) { return mountpoint == fs.mountpoint; });
    }
    static Error no_mountpoint(std::string_view mountpoint) {
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "the guest has no file system at '{}'", mountpoint);
    }
    pv_status freeze(pv_call* call, const pv_obj* obj, std::vector<std::string> mountpoints, bool freeze, std::int32_t& changed) {
        if (mountpoints.empty())
            for (const MountedDisk& fs : kFilesystems) mountpoints.emplace_back(fs.mountpoint);
        return when_running(call, obj, freeze ? "freeze" : "thaw",
                            [mountpoints = std::move(mountpoints), freeze, result = &changed](Inside& inside) -> Status {
                                std::int32_t count = 0;
                                for (const std::string& m : mountpoints) {
                                    if (!known(m)) continue;
                                    count += freeze ? static_cast<std::int32_t>(inside.frozen.insert(m).second)
                                                    : static_cast<std::int32_t>(inside.frozen.erase(m));
                                }
                                *result = count;
                                return {};
                            });
    }

    static std::string first_disk(const Domain& d) { return d.devices.disks.empty() ? std::string() : d.devices.disks.front().target.dev; }
    static std::string mac_of(const Interface& i) { return i.mac.address ? i.mac.address->to_string() : std::string(); }
    // As if the networks' DHCP had given them out in order.
    static std::string address_of(const Interface& i, std::uint32_t number) {
        return i.type == InterfaceType::network ? fmt::format("192.168.122.{}", 3 + number % 250) : fmt::format("192.168.0.{}", 3 + number % 250);
    }
    static void put_users(const ParamWriter& w) {
        w.put(PV_DOMAIN_GUEST_INFO_USER_COUNT, std::uint32_t{1});
        w.put("user.0.name", std::string_view("root"));
        w.put("user.0.login-time", std::uint64_t{627'319'920'000});
    }
    static void put_os(const ParamWriter& w) {
        constexpr std::pair<const char*, const char*> kFacts[] = {
            {PV_DOMAIN_GUEST_INFO_OS_ID, "test"},           {PV_DOMAIN_GUEST_INFO_OS_NAME, "Test Guest"},
            {PV_DOMAIN_GUEST_INFO_OS_PRETTY_NAME, "Test Guest 1"}, {PV_DOMAIN_GUEST_INFO_OS_VERSION, "1"},
            {PV_DOMAIN_GUEST_INFO_OS_VERSION_ID, "1"},      {PV_DOMAIN_GUEST_INFO_OS_MACHINE, "i686"},
            {PV_DOMAIN_GUEST_INFO_OS_KERNEL_RELEASE, "0.0.2"}};
        for (const auto& [name, value] : kFacts) w.put(name, std::string_view(value));
    }
    static void put_filesystems(const ParamWriter& w, const Domain& d) {
        const std::string disk = first_disk(d);
        w.put(PV_DOMAIN_GUEST_INFO_FS_COUNT, disk.empty() ? 0U : static_cast<std::uint32_t>(std::size(kFilesystems)));
        for (std::size_t i = 0; !disk.empty() && i < std::size(kFilesystems); ++i) {
            const std::string prefix = fmt::format("fs.{}", i);
            w.put(prefix + PV_DOMAIN_GUEST_INFO_FS_SUFFIX_MOUNTPOINT, std::string_view(kFilesystems[i].mountpoint));
            w.put(prefix + PV_DOMAIN_GUEST_INFO_FS_SUFFIX_NAME, std::string_view(kFilesystems[i].name));
            w.put(prefix + PV_DOMAIN_GUEST_INFO_FS_SUFFIX_FSTYPE, std::string_view(kFilesystems[i].type));
            w.put(prefix + ".disk.count", std::uint32_t{1});
            w.put(prefix + ".disk.0.alias", std::string_view(disk));
        }
    }
    static void put_interfaces(const ParamWriter& w, const Domain& d) {
        const auto& list = d.devices.interfaces;
        w.put(PV_DOMAIN_GUEST_INFO_IF_COUNT, static_cast<std::uint32_t>(list.size()));
        for (std::uint32_t i = 0; i < list.size(); ++i) {
            const std::string prefix = fmt::format("if.{}", i);
            w.put(prefix + ".name", std::string_view(list[i].target.dev));
            w.put(prefix + ".hwaddr", std::string_view(mac_of(list[i])));
            w.put(prefix + ".addr.count", std::uint32_t{1});
            w.put(prefix + ".addr.0.type", std::string_view("ipv4"));
            w.put(prefix + ".addr.0.addr", std::string_view(address_of(list[i], i)));
            w.put(prefix + ".addr.0.prefix", std::uint32_t{24});
        }
    }
};

} // namespace

const void* dom_guest_table() {
    static const auto table = make_table<pv_dom_guest>([](auto& t) {
        t.fsfreeze = op<"domain.fsfreeze", &Agent::fsfreeze>;
        t.fsthaw = op<"domain.fsthaw", &Agent::fsthaw>;
        t.fstrim = op<"domain.fstrim", &Agent::fstrim>;
        t.fsinfo = op<"domain.fsinfo", &Agent::fsinfo>;
        t.time = op<"domain.time", &Agent::time>;
        t.set_time = op<"domain.set_time", &Agent::set_time>;
        t.guest_vcpus = op<"domain.guest_vcpus", &Agent::guest_vcpus>;
        t.set_guest_vcpus = op<"domain.set_guest_vcpus", &Agent::set_guest_vcpus>;
        t.set_user_password = op<"domain.set_user_password", &Agent::set_user_password>;
        t.guest_info = op<"domain.guest_info", &Agent::guest_info>;
        t.hostname = op<"domain.hostname", &Agent::hostname>;
        t.interface_addresses = op<"domain.interface_addresses", &Agent::interface_addresses>;
        t.ssh_keys = op<"domain.ssh_keys", &Agent::ssh_keys>;
        t.set_ssh_keys = op<"domain.set_ssh_keys", &Agent::set_ssh_keys>;
        t.set_response_timeout = op<"domain.set_response_timeout", &Agent::set_response_timeout>;
    });
    return &table;
}

} // namespace polyvirt::test
