// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the agent tells of its guest: file systems, disks, processors, users, the system, and clients' digest of it all.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <polyvirt/buffer.h>
#include <polyvirt/call.h>

#include "agent/agent_ops.h"
#include "base/error_text.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"
#include "sdk/params.h"
#include "sdk/xml/types.h"

namespace polyvirt::qemu {
namespace {

using sdk::ParamWriter;
using sdk::xml::CpuSet;

std::optional<std::uint64_t> number_of(const Json& object, const char* key) {
    if (!object.is_object()) return std::nullopt;
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_integer() || it->get<std::int64_t>() < 0) return std::nullopt;
    return it->get<std::uint64_t>();
}

// The disk of the document that the guest found at that place on its buses; empty: none of ours.
std::string disk_at(const Domain& d, const Json& place) {
    const Json& pci = member(place, "pci-controller");
    const auto same_pci = [&](const sdk::domain::DeviceInfo& info) {
        return info.address && info.address->is_pci() && number_of(pci, "domain").value_or(0) == info.address->domain.value_or(0) &&
               number_of(pci, "bus") == *info.address->bus && number_of(pci, "slot") == *info.address->slot &&
               number_of(pci, "function").value_or(0) == info.address->function.value_or(0);
    };
    for (const auto& disk : d.devices.disks) {
        if (same_pci(disk.info)) return disk.target.dev;
        if (!disk.info.address || disk.info.address->type != sdk::domain::AddressType::drive) continue;
        const auto& a = *disk.info.address;
        if (number_of(place, "bus") != a.bus.value_or(0) || number_of(place, "target") != a.target.value_or(0) ||
            number_of(place, "unit") != a.unit.value_or(0))
            continue;
        for (const auto& c : d.devices.controllers)
            if (c.index == a.controller.value_or(0) && same_pci(c.info)) return disk.target.dev;
    }
    return {};
}

void put_text(const ParamWriter& w, const std::string& field, const Json& from, const char* key) {
    const std::string text = text_of(from, key);
    if (!text.empty()) w.put(field, std::string_view(text));
}

using Facts = void (*)(const ParamWriter& w, const Json& value, const Domain& live);

void put_users(const ParamWriter& w, const Json& list, const Domain&) {
    w.put(PV_DOMAIN_GUEST_INFO_USER_COUNT, static_cast<std::uint32_t>(list.is_array() ? list.size() : 0));
    for (std::size_t i = 0; list.is_array() && i < list.size(); i++) {
        const std::string prefix = fmt::format("user.{}", i);
        put_text(w, prefix + ".name", list[i], "user");
        put_text(w, prefix + ".domain", list[i], "domain");
        const Json& time = member(list[i], "login-time");
        const double seconds = time.is_number() ? time.get<double>() : 0;
        if (std::isfinite(seconds) && seconds >= 0 && seconds < 1e15)
            w.put(prefix + ".login-time", static_cast<std::uint64_t>(seconds * 1000));
    }
}

void put_os(const ParamWriter& w, const Json& value, const Domain&) {
    for (const char* key : {"id", "name", "pretty-name", "version", "version-id", "machine", "variant", "variant-id", "kernel-release", "kernel-version"})
        put_text(w, std::string("os.") + key, value, key);
}

void put_timezone(const ParamWriter& w, const Json& value, const Domain&) {
    put_text(w, PV_DOMAIN_GUEST_INFO_TIMEZONE_NAME, value, "zone");
    const Json& offset = member(value, "offset");
    if (offset.is_number_integer()) w.put(PV_DOMAIN_GUEST_INFO_TIMEZONE_OFFSET, offset.get<std::int32_t>());
}

void put_hostname(const ParamWriter& w, const Json& value, const Domain&) {
    put_text(w, PV_DOMAIN_GUEST_INFO_HOSTNAME_HOSTNAME, value, "host-name");
}

void put_filesystems(const ParamWriter& w, const Json& list, const Domain& live) {
    w.put(PV_DOMAIN_GUEST_INFO_FS_COUNT, static_cast<std::uint32_t>(list.is_array() ? list.size() : 0));
    for (std::size_t i = 0; list.is_array() && i < list.size(); i++) {
        const std::string prefix = fmt::format("fs.{}", i);
        put_text(w, prefix + ".name", list[i], "name");
        put_text(w, prefix + ".mountpoint", list[i], "mountpoint");
        put_text(w, prefix + ".fstype", list[i], "type");
        if (const auto n = number_of(list[i], "total-bytes")) w.put(prefix + ".total-bytes", *n);
        if (const auto n = number_of(list[i], "used-bytes")) w.put(prefix + ".used-bytes", *n);
        const Json& disks = member(list[i], "disk");
        w.put(prefix + ".disk.count", static_cast<std::uint32_t>(disks.is_array() ? disks.size() : 0));
        for (std::size_t k = 0; disks.is_array() && k < disks.size(); k++) {
            const std::string disk = fmt::format("{}.disk.{}", prefix, k);
            const std::string alias = disk_at(live, disks[k]);
            if (!alias.empty()) w.put(disk + ".alias", std::string_view(alias));
            put_text(w, disk + ".serial", disks[k], "serial");
            put_text(w, disk + ".device", disks[k], "dev");
        }
    }
}

void put_disks(const ParamWriter& w, const Json& list, const Domain& live) {
    w.put(PV_DOMAIN_GUEST_INFO_DISK_COUNT, static_cast<std::uint32_t>(list.is_array() ? list.size() : 0));
    for (std::size_t i = 0; list.is_array() && i < list.size(); i++) {
        const std::string prefix = fmt::format("disk.{}", i);
        put_text(w, prefix + ".name", list[i], "name");
        w.put(prefix + ".partition", is_true(list[i], "partition"));
        const Json& needed = member(list[i], "dependencies");
        if (needed.is_array() && !needed.empty()) {
            w.put(prefix + ".dependency.count", static_cast<std::uint32_t>(needed.size()));
            for (std::size_t k = 0; k < needed.size(); k++)
                if (needed[k].is_string())
                    w.put(fmt::format("{}.dependency.{}.name", prefix, k), std::string_view(needed[k].get_ref<const std::string&>()));
        }
        const Json& place = member(list[i], "address");
        put_text(w, prefix + ".serial", place, "serial");
        const std::string alias = disk_at(live, place);
        if (!alias.empty()) w.put(prefix + ".alias", std::string_view(alias));
        put_text(w, prefix + ".guest_alias", list[i], "alias");
        put_text(w, prefix + ".guest_bus", place, "bus-type");
    }
}

void put_interfaces(const ParamWriter& w, const Json& list, const Domain&) {
    w.put(PV_DOMAIN_GUEST_INFO_IF_COUNT, static_cast<std::uint32_t>(list.is_array() ? list.size() : 0));
    for (std::size_t i = 0; list.is_array() && i < list.size(); i++) {
        const std::string prefix = fmt::format("if.{}", i);
        put_text(w, prefix + ".name", list[i], "name");
        put_text(w, prefix + ".hwaddr", list[i], "hardware-address");
        const Json& addresses = member(list[i], "ip-addresses");
        w.put(prefix + ".addr.count", static_cast<std::uint32_t>(addresses.is_array() ? addresses.size() : 0));
        for (std::size_t k = 0; addresses.is_array() && k < addresses.size(); k++) {
            const std::string one = fmt::format("{}.addr.{}", prefix, k);
            put_text(w, one + ".type", addresses[k], "ip-address-type");
            put_text(w, one + ".addr", addresses[k], "ip-address");
            w.put(one + ".prefix", static_cast<std::uint32_t>(number_of(addresses[k], "prefix").value_or(0)));
        }
    }
}

// The groups of clients' digest, in the order in which they are told.
struct FactRow {
    std::uint32_t type;
    const char* command;
    Facts put;
};
constexpr FactRow kFacts[] = {{PV_DOMAIN_GUEST_INFO_USERS, "guest-get-users", put_users},
                              {PV_DOMAIN_GUEST_INFO_OS, "guest-get-osinfo", put_os},
                              {PV_DOMAIN_GUEST_INFO_TIMEZONE, "guest-get-timezone", put_timezone},
                              {PV_DOMAIN_GUEST_INFO_HOSTNAME, "guest-get-host-name", put_hostname},
                              {PV_DOMAIN_GUEST_INFO_DISKS, "guest-get-disks", put_disks},
                              {PV_DOMAIN_GUEST_INFO_FILESYSTEM, "guest-get-fsinfo", put_filesystems},
                              {PV_DOMAIN_GUEST_INFO_INTERFACES, "guest-network-get-interfaces", put_interfaces}};

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
}

void add(CpuSet& set, std::uint32_t n) {
    if (!set.ranges.empty() && set.ranges.back().second + 1 == n) set.ranges.back().second = n;
    else set.ranges.emplace_back(n, n);
}

struct GuestCpus {
    CpuSet all, online, offlinable;
};
Result<GuestCpus> cpus_of(const Json& list) {
    if (!list.is_array()) return malformed("guest-get-vcpus");
    std::vector<std::pair<std::uint32_t, const Json*>> sorted;
    for (const Json& entry : list) {
        const auto id = number_of(entry, "logical-id");
        if (!id || *id > CpuSet::kMax) return malformed("guest-get-vcpus");
        sorted.emplace_back(static_cast<std::uint32_t>(*id), &entry);
    }
    std::sort(sorted.begin(), sorted.end());
    GuestCpus cpus;
    for (const auto& [id, entry] : sorted) {
        add(cpus.all, id);
        if (is_true(*entry, "online")) add(cpus.online, id);
        if (is_true(*entry, "can-offline")) add(cpus.offlinable, id);
    }
    return cpus;
}

// The agent does as many as it can and says how many, so it is asked again for the rest.
sdk::Task<Status> switch_vcpus(RunPtr run, Json wanted, pv_call* call) {
    while (!wanted.empty()) {
        AgentCall what = question("guest-set-vcpus", call);
        what.arguments["vcpus"] = wanted;
        PV_CO_ASSIGN_OR_RETURN(const Json done, co_await ask_agent(run, std::move(what)));
        const std::uint64_t count = done.is_number_unsigned() ? done.get<std::uint64_t>() : 0;
        if (count == 0 || count > wanted.size()) co_return malformed("guest-set-vcpus");
        wanted.erase(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count));
    }
    co_return Status();
}

} // namespace

pv_status AgentOps::fsinfo(pv_call* call, const pv_obj* obj, const pv_dom_fsinfo_in& in, pv_dom_fsinfo_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetFSInfo"); !flags) return answer(call, flags);
    return ask(call, obj, question("guest-get-fsinfo", call), [this, guest = guest_of(obj), to = out.filesystems](const Json& list) -> Status {
        if (!list.is_array()) return malformed("guest-get-fsinfo");
        const auto live = live_of(*guest);
        for (const Json& entry : list) {
            const std::string mountpoint = text_of(entry, "mountpoint"), name = text_of(entry, "name"), type = text_of(entry, "type");
            std::vector<std::string> disks;
            if (const Json& places = member(entry, "disk"); places.is_array() && live)
                for (const Json& place : places)
                    if (std::string disk = disk_at(*live, place); !disk.empty()) disks.push_back(std::move(disk));
            std::vector<const char*> devices;
            for (const std::string& disk : disks) devices.push_back(disk.c_str());
            pv_dom_filesystem record{};
            record.size = sizeof record;
            record.mountpoint = mountpoint.c_str();
            record.name = name.c_str();
            record.type = type.c_str();
            record.devices = devices.data();
            record.ndevices = static_cast<std::uint32_t>(devices.size());
            s_.build->add_record(to, &record);
        }
        return {};
    });
}

pv_status AgentOps::guest_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_guest_vcpus_in& in, pv_dom_guest_vcpus_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetGuestVcpus"); !flags) return answer(call, flags);
    return ask(call, obj, question("guest-get-vcpus", call), [this, to = out.params](const Json& list) -> Status {
        PV_ASSIGN_OR_RETURN(const GuestCpus cpus, cpus_of(list));
        const ParamWriter w(s_, to);
        w.put("vcpus", std::string_view(cpus.all.to_string()));
        w.put("online", std::string_view(cpus.online.to_string()));
        w.put("offlinable", std::string_view(cpus.offlinable.to_string()));
        return {};
    });
}

pv_status AgentOps::set_guest_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_set_guest_vcpus_in& in, pv_dom_set_guest_vcpus_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainSetGuestVcpus"); !flags) return answer(call, flags);
    if (in.state != 0 && in.state != 1)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unsupported state value"));
    const auto map = CpuSet::parse(in.cpumap);
    if (!map || map->empty())
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "found processors '{}', expected numbers like '0-3,5'", in.cpumap));
    return without_job(call, obj, [this, call, text = std::string(in.cpumap), online = in.state == 1](
                                      const sdk::OperationPtr&, const GuestPtr& guest) { return set_vcpus(guest, text, online, call); });
}

Part::Task AgentOps::set_vcpus(GuestPtr guest, std::string text, bool online, pv_call* call) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(const Json list, co_await ask_agent(run, question("guest-get-vcpus", call)));
    PV_CO_ASSIGN_OR_RETURN(const GuestCpus cpus, cpus_of(list));
    const CpuSet map = CpuSet::parse(text).value_or(CpuSet());
    Json wanted = Json::array();
    for (const auto& [first, last] : map.ranges) {
        for (std::uint32_t i = first; i <= last; i++) {
            if (!cpus.all.contains(i))
                co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "guest is missing vCPUs '{}'", text);
            if (!online && !cpus.offlinable.contains(i))
                co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "vCPU '{}' can't be offlined by the guest", i);
            if (online == cpus.online.contains(i)) continue;
            Json one = {{"logical-id", i}, {"online", online}};
            wanted.push_back(std::move(one));
        }
    }
    co_return co_await switch_vcpus(run, std::move(wanted), call);
}

sdk::Task<Result<std::int32_t>> agent_vcpus(RunPtr run, pv_call* call) {
    PV_CO_ASSIGN_OR_RETURN(const Json list, co_await ask_agent(run, question("guest-get-vcpus", call)));
    PV_CO_ASSIGN_OR_RETURN(const GuestCpus cpus, cpus_of(list));
    co_return static_cast<std::int32_t>(cpus.online.size());
}

sdk::Task<Status> agent_set_vcpus(RunPtr run, std::uint32_t count, pv_call* call) {
    PV_CO_ASSIGN_OR_RETURN(const Json list, co_await ask_agent(run, question("guest-get-vcpus", call)));
    PV_CO_ASSIGN_OR_RETURN(const GuestCpus cpus, cpus_of(list));
    if (cpus.all.size() < count)
        co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "guest agent reports less cpu than requested");
    const bool more = cpus.online.size() < count;
    std::size_t left = more ? count - cpus.online.size() : cpus.online.size() - count;
    Json wanted = Json::array();
    // On from the lowest, off from the highest.
    const std::uint32_t last = cpus.all.empty() ? 0 : cpus.all.ranges.back().second;
    for (std::uint32_t i = 0; i <= last && left > 0; i++) {
        const std::uint32_t id = more ? i : last - i;
        const bool takes_part = more ? cpus.all.contains(id) && !cpus.online.contains(id) : cpus.online.contains(id) && cpus.offlinable.contains(id);
        if (!takes_part) continue;
        Json one = {{"logical-id", id}, {"online", more}};
        wanted.push_back(std::move(one));
        left--;
    }
    if (left > 0)
        co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "Cannot offline enough CPUs");
    co_return co_await switch_vcpus(run, std::move(wanted), call);
}

pv_status AgentOps::hostname(pv_call* call, const pv_obj* obj, const pv_dom_hostname_in& in, pv_dom_hostname_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_GET_HOSTNAME_LEASE | PV_DOMAIN_GET_HOSTNAME_AGENT;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainGetHostname"); !flags) return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    if (in.flags == PV_DOMAIN_GET_HOSTNAME_LEASE)
        return answer(call, make_error(ErrorCode::no_hostname, ErrorDomain::qemu, "no hostname found for domain {}", guest_of(obj)->name));
    return ask(call, obj, question("guest-get-host-name", call), [this, to = out.hostname](const Json& value) -> Status {
        const std::string name = text_of(value, "host-name");
        if (name.empty() || !plugin::write(s_, to, name)) return malformed("guest-get-host-name");
        return {};
    });
}

pv_status AgentOps::guest_info(pv_call* call, const pv_obj* obj, const pv_dom_guest_info_in& in, pv_dom_guest_info_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetGuestInfo"); !flags) return answer(call, flags);
    std::uint32_t known = 0;
    for (const FactRow& row : kFacts) known |= row.type;
    if ((in.types & ~known) != 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unsupported guest information types '0x{:x}'", in.types & ~known));
    return without_job(call, obj, [this, call, types = in.types, to = out.params](const sdk::OperationPtr&, const GuestPtr& guest) {
        return info(guest, types, call, to);
    });
}

// Asked for everything, what this agent cannot tell is left out.
Part::Task AgentOps::info(GuestPtr guest, std::uint32_t types, pv_call* call, pv_params* to) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    const ParamWriter w(s_, to);
    for (const FactRow& row : kFacts) {
        if (types != 0 && (types & row.type) == 0) continue;
        PV_CO_ASSIGN_OR_RETURN(const Json document, co_await ask_agent_whole(run, question(row.command, call)));
        if (types == 0 && agent_lacks_command(document)) continue;
        PV_CO_ASSIGN_OR_RETURN(const Json value, agent_result(row.command, document));
        const auto live = live_of(*guest);
        if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        row.put(w, value, *live);
    }
    co_return Status();
}

} // namespace polyvirt::qemu
