// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Changes of devices that stay: what of them may change in a running guest, and how.

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/error_text.h"
#include "devices/device_ops.h"
#include "devices/live.h"
#include "net/tap.h"
#include "sdk/traffic.h"
#include "sdk/xml/compare.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
using dom::Device;
using dom::DeviceKind;

// Where a description says nothing, the device keeps what it has.
void keep_info(dom::DeviceInfo& changed, const dom::DeviceInfo& old) {
    changed.alias = old.alias;
    if (!changed.address) changed.address = old.address;
    if (!changed.boot.order) changed.boot = old.boot;
}

template <typename T> Status check_same(const char* element, const T& old, const T& changed) {
    const auto differences = sdk::xml::compare(element, old, changed);
    if (differences.empty()) return {};
    const std::string& path = differences.front().path;
    const std::size_t slash = path.find('/');
    return unsupported("cannot modify field '{}' of the {}", slash == std::string::npos ? path : path.substr(slash + 1), element);
}

// Of a disk its medium, and what the daemon alone looks at.
Status check_disk(const dom::Disk& old, const dom::Disk& changed) {
    const auto bare = [](dom::Disk d) {
        d.type = {};
        d.source.reset();
        d.backing.clear();
        d.auth.reset();
        d.encryption.reset();
        d.mirror.reset();
        d.iotune.reset();
        d.driver.type.clear();
        d.snapshot.clear();
        d.target.tray.clear();
        return d;
    };
    return check_same("disk", bare(old), bare(changed));
}

Status check_interface(const dom::Interface& old, const dom::Interface& changed) {
    const auto bare = [](dom::Interface i) {
        i.link = {};
        if (wants_tap(i)) i.bandwidth.reset();
        return i;
    };
    return check_same("interface", bare(old), bare(changed));
}

Status check_graphics(const dom::Graphics& old, const dom::Graphics& changed) {
    const auto bare = [](dom::Graphics g) {
        g.passwd.clear();
        g.passwd_valid_to.clear();
        g.connected.clear();
        return g;
    };
    return check_same("graphics", bare(old), bare(changed));
}

Status check_memory(const dom::MemoryDevice& old, const dom::MemoryDevice& changed) {
    const auto bare = [](dom::MemoryDevice m) {
        m.target.requested.reset();
        m.target.current.reset();
        return m;
    };
    return check_same("memory", bare(old), bare(changed));
}

// "2026-01-31T23:59:59", UTC, as seconds; empty: no such time.
std::string seconds_of(const std::string& text) {
    tm parts{};
    const char* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    return end == nullptr || *end != '\0' ? std::string() : fmt::format("{}", ::timegm(&parts));
}

// The live device, replaced in the document as a whole; then on disk.
sdk::Task<Status> put_device(Driver& driver, GuestPtr guest, std::string alias, Device changed) {
    {
        const ObjectLock lock(guest->mu);
        driver.edit_live(*guest, [&](Domain& d) {
            if (const auto ref = dom::find_alias(d.devices, alias)) dom::replace_device(d.devices, *ref, changed);
        });
    }
    co_return co_await driver.saved(guest);
}

sdk::Task<Status> update_disk(Driver& driver, GuestPtr guest, RunPtr run, dom::Disk old, dom::Disk changed, bool force) {
    keep_info(changed.info, old.info);
    PV_CO_TRY(check_disk(old, changed));
    const std::string before = medium_of(old), after = medium_of(changed);
    const bool drive = old.device == dom::DiskDevice::cdrom || old.device == dom::DiskDevice::floppy;
    if (before != after && !drive)
        co_return unsupported("cannot modify field 'source' of the disk");
    if (before != after) co_return co_await change_medium(guest, run, std::move(old), std::move(changed), force);
    dom::Disk kept = old;
    if (kept.source && changed.source) kept.source->startup_policy = changed.source->startup_policy;
    kept.snapshot = changed.snapshot;
    const std::string alias = kept.info.alias.name;
    Device put{DeviceKind::disk, std::move(kept)};
    co_return co_await put_device(driver, guest, alias, std::move(put));
}

// What a network has given an interface is no change of it: a description may name the network alone.
void keep_plug(dom::Interface& changed, const dom::Interface& old) {
    if (changed.type != dom::InterfaceType::network || changed.source.network != old.source.network ||
        changed.source.portgroup != old.source.portgroup)
        return;
    changed.type = old.type;
    changed.source = old.source;
    changed.isolated = old.isolated;
    changed.trust_guest_rx_filters = old.trust_guest_rx_filters;
    changed.virtualport = old.virtualport;
    changed.vlan = old.vlan;
    if (!changed.bandwidth) changed.bandwidth = old.bandwidth;
}

sdk::Task<Status> update_interface(Driver& driver, GuestPtr guest, RunPtr run, dom::Interface old, dom::Interface changed) {
    keep_info(changed.info, old.info);
    changed.mac = old.mac;
    if (changed.target.dev.empty()) changed.target = old.target;
    keep_plug(changed, old);
    PV_CO_TRY(check_interface(old, changed));
    const auto up = [](dom::LinkState s) { return s != dom::LinkState::down; };
    const std::string alias = old.info.alias.name;
    if (up(old.link) != up(changed.link)) {
        Json arguments = Json::object();
        arguments["name"] = alias;
        arguments["up"] = up(changed.link);
        PV_CO_TRY(co_await run->qmp("set_link", std::move(arguments)));
    }
    old.link = changed.link;
    const sdk::network::Bandwidth none;
    if (!sdk::xml::compare("bandwidth", old.bandwidth.value_or(none), changed.bandwidth.value_or(none)).empty()) {
        PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
        old.bandwidth = changed.bandwidth;
        PV_CO_TRY(sdk::limit_traffic(driver.services(), old));
    }
    Device put{DeviceKind::interface, std::move(old)};
    co_return co_await put_device(driver, guest, alias, std::move(put));
}

sdk::Task<Status> update_graphics(Driver& driver, GuestPtr guest, RunPtr run, dom::Graphics old, dom::Graphics changed) {
    // What the start has found is not asked for again.
    changed.info = old.info;
    if (changed.autoport == dom::YesNo::yes && old.autoport == dom::YesNo::yes) changed.port = old.port, changed.tls_port = old.tls_port;
    PV_CO_TRY(check_graphics(old, changed));
    const std::string protocol = old.type == dom::GraphicsType::spice ? "spice" : "vnc";
    if (!changed.passwd.empty() && (changed.passwd != old.passwd || changed.connected != old.connected)) {
        Json arguments = Json::object();
        arguments["protocol"] = protocol;
        arguments["password"] = changed.passwd;
        if (!changed.connected.empty()) arguments["connected"] = changed.connected;
        PV_CO_TRY(co_await run->qmp("set_password", std::move(arguments)));
    }
    if (!changed.passwd.empty() && (changed.passwd != old.passwd || changed.passwd_valid_to != old.passwd_valid_to)) {
        Json arguments = Json::object();
        arguments["protocol"] = protocol;
        const std::string time = seconds_of(changed.passwd_valid_to);
        arguments["time"] = time.empty() ? std::string("never") : time;
        PV_CO_TRY(co_await run->qmp("expire_password", std::move(arguments)));
    }
    {
        const ObjectLock lock(guest->mu);
        driver.edit_live(*guest, [&](Domain& d) {
            for (dom::Graphics& g : d.devices.graphics) {
                if (g.type != changed.type) continue;
                g.passwd = changed.passwd;
                g.passwd_valid_to = changed.passwd_valid_to;
                g.connected = changed.connected;
            }
        });
    }
    co_return co_await driver.saved(guest);
}

sdk::Task<Status> update_memory(Driver& driver, GuestPtr guest, RunPtr run, dom::MemoryDevice old, dom::MemoryDevice changed) {
    keep_info(changed.info, old.info);
    PV_CO_TRY(check_memory(old, changed));
    if (old.model != "virtio-mem") co_return unsupported("live update of memory of model '{}' is not supported", old.model);
    Json arguments = Json::object();
    arguments["path"] = "/machine/peripheral/" + old.info.alias.name;
    arguments["property"] = "requested-size";
    arguments["value"] = changed.target.requested.value_or(0) * 1024;
    PV_CO_TRY(co_await run->qmp("qom-set", std::move(arguments)));
    const std::string alias = old.info.alias.name;
    old.target.requested = changed.target.requested;
    Device put{DeviceKind::memory, std::move(old)};
    co_return co_await put_device(driver, guest, alias, std::move(put));
}

} // namespace

DeviceOps::Task DeviceOps::update_live(GuestPtr guest, std::string xml, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    PV_CO_ASSIGN_OR_RETURN(Device device, wanted_device(*live, xml));
    if (!dom::in_config(device.kind, Verb::update))
        co_return unsupported("live update of device '{}' is not supported", dom::element_of(device.kind));
    PV_CO_ASSIGN_OR_RETURN(const dom::DeviceRef ref, dom::find_device(live->devices, device, ErrorDomain::qemu, Verb::update));
    const Device old = dom::device_at(live->devices, ref);
    switch (device.kind) {
    case DeviceKind::disk:
        co_return co_await update_disk(driver_, guest, run, old.as<dom::Disk>(), std::move(device.as<dom::Disk>()),
                                       (flags & PV_DOMAIN_DEVICE_MODIFY_FORCE) != 0);
    case DeviceKind::interface:
        co_return co_await update_interface(driver_, guest, run, old.as<dom::Interface>(), std::move(device.as<dom::Interface>()));
    case DeviceKind::graphics:
        co_return co_await update_graphics(driver_, guest, run, old.as<dom::Graphics>(), std::move(device.as<dom::Graphics>()));
    default:
        co_return co_await update_memory(driver_, guest, run, old.as<dom::MemoryDevice>(), std::move(device.as<dom::MemoryDevice>()));
    }
}

} // namespace polyvirt::qemu
