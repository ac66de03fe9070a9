// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// By what the owner of a device knows it: one rule per kind.

#include "sdk/domain/device.h"
#include "sdk/xml/format.h"

namespace polyvirt::sdk::domain {
namespace {

template <typename T> std::string text_of(const T& item) { return xml::format("x", item); }

bool same_address(const Address& a, const Address& b) {
    Address x = a, y = b;
    for (Address* part : {&x, &y}) {
        part->multifunction = OnOff::unset;
        if (part->type == AddressType::pci) part->domain = part->domain.value_or(0), part->function = part->function.value_or(0);
    }
    return text_of(x) == text_of(y);
}

// Where a description says where, or under which name, it means the device there.
bool here(const DeviceInfo& wanted, const DeviceInfo& have) {
    const bool said = wanted.address && (wanted.address->type != AddressType::pci || wanted.address->is_pci());
    if (said && (!have.address || !same_address(*wanted.address, *have.address))) return false;
    return wanted.alias.name.empty() || wanted.alias.name == have.alias.name;
}

bool same_sources(const std::vector<ChardevSource>& wanted, const std::vector<ChardevSource>& have) {
    if (wanted.size() != have.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); i++) {
        const ChardevSource &w = wanted[i], &h = have[i];
        if (w.path != h.path || w.mode != h.mode || w.host != h.host || w.service != h.service || w.channel != h.channel ||
            w.master != h.master || w.slave != h.slave)
            return false;
    }
    return true;
}

bool same(const Disk& w, const Disk& h) { return w.target.dev == h.target.dev; }
bool same(const Controller& w, const Controller& h) { return w.type == h.type && w.index == h.index && here(w.info, h.info); }
bool same(const Lease& w, const Lease& h) { return w.key == h.key && w.lockspace == h.lockspace; }
bool same(const Filesystem& w, const Filesystem& h) { return w.target == h.target; }
bool same(const Interface& w, const Interface& h) {
    if (w.mac.address && (!h.mac.address || w.mac.address->to_string() != h.mac.address->to_string())) return false;
    return here(w.info, h.info);
}
bool same(const Chardev& w, const Chardev& h) {
    if (w.type != h.type || w.target.type != h.target.type) return false;
    // The path of a terminal is found when the guest starts.
    if (w.type != ChardevType::pty && !same_sources(w.sources, h.sources)) return false;
    if (w.target.type == "guestfwd") return w.target.address == h.target.address && w.target.port == h.target.port;
    if (w.target.type == "virtio" && w.target.name != h.target.name) return false;
    return w.info.alias.name.empty() || w.info.alias.name == h.info.alias.name;
}
bool same(const Input& w, const Input& h) {
    if (w.type != h.type || w.bus != h.bus) return false;
    return w.source.evdev == h.source.evdev && w.source.dev == h.source.dev && here(w.info, h.info);
}
bool same(const Graphics& w, const Graphics& h) { return w.type == h.type; }
bool same(const Sound& w, const Sound& h) {
    if (w.model != h.model || w.codecs.size() != h.codecs.size()) return false;
    for (std::size_t i = 0; i < w.codecs.size(); i++)
        if (w.codecs[i].type != h.codecs[i].type) return false;
    return here(w.info, h.info);
}
bool same(const Hostdev& w, const Hostdev& h) {
    const HostdevSource &x = w.source, &y = h.source;
    if (w.mode != h.mode || w.type != h.type || x.protocol != y.protocol || x.name != y.name || x.wwpn != y.wwpn ||
        x.adapter != y.adapter || x.block != y.block || x.character != y.character || x.interface != y.interface)
        return false;
    if (w.type == "usb") {
        // By where it is, and else by what it is.
        if (x.address && x.address->bus) return y.address && x.address->bus == y.address->bus && x.address->device == y.address->device;
        return x.vendor.id == y.vendor.id && x.product.id == y.product.id;
    }
    if (x.address.has_value() != y.address.has_value()) return false;
    HostAddress a = x.address.value_or(HostAddress{}), b = y.address.value_or(HostAddress{});
    for (HostAddress* part : {&a, &b}) part->domain = part->domain.value_or(0), part->type.clear();
    return text_of(a) == text_of(b);
}
bool same(const Redirdev& w, const Redirdev& h) {
    return w.bus == h.bus && w.type == h.type && same_sources(w.sources, h.sources) && here(w.info, h.info);
}
bool same(const Watchdog&, const Watchdog&) { return true; } // a machine has one
bool same(const Rng& w, const Rng& h) {
    const RngBackend &x = w.backend, &y = h.backend;
    return w.model == h.model && x.model == y.model && x.type == y.type && x.path == y.path && same_sources(x.sources, y.sources) &&
           w.rate_bytes == h.rate_bytes && w.rate_period == h.rate_period && here(w.info, h.info);
}
bool same(const Shmem& w, const Shmem& h) {
    const std::string server = w.server ? w.server->path : std::string(), other = h.server ? h.server->path : std::string();
    return w.name == h.name && w.model == h.model && w.size == h.size && w.size_unit == h.size_unit && w.role == h.role &&
           server == other && here(w.info, h.info);
}
bool same(const MemoryDevice& w, const MemoryDevice& h) {
    return w.model == h.model && w.target.size == h.target.size && w.target.node == h.target.node && w.source.path == h.source.path &&
           w.target.label_size == h.target.label_size && w.target.block == h.target.block && here(w.info, h.info);
}
bool same(const Vsock& w, const Vsock& h) { return w.model == h.model && here(w.info, h.info); }
// What never comes and goes: all that is said.
template <typename T> bool same(const T& w, const T& h) { return text_of(w) == text_of(h); }

struct Missing {
    DeviceKind kind;
    ErrorCode code;
    std::string_view text;
};
constexpr Missing kMissing[] = {
    {DeviceKind::serial, ErrorCode::invalid_arg, "device not present in domain configuration"},
    {DeviceKind::parallel, ErrorCode::invalid_arg, "device not present in domain configuration"},
    {DeviceKind::console, ErrorCode::invalid_arg, "device not present in domain configuration"},
    {DeviceKind::channel, ErrorCode::invalid_arg, "device not present in domain configuration"},
    {DeviceKind::filesystem, ErrorCode::device_missing, "no matching filesystem device was found"},
    {DeviceKind::rng, ErrorCode::device_missing, "no matching RNG device was found"},
    {DeviceKind::memory, ErrorCode::device_missing, "matching memory device was not found"},
    {DeviceKind::redirdev, ErrorCode::device_missing, "no matching redirdev was not found"},
    {DeviceKind::shmem, ErrorCode::device_missing, "matching shmem device was not found"},
    {DeviceKind::watchdog, ErrorCode::device_missing, "domain has no watchdog"},
    {DeviceKind::input, ErrorCode::device_missing, "matching input device not found"},
    {DeviceKind::vsock, ErrorCode::device_missing, "matching vsock device not found"},
};

Error interface_error(const Interface& i, bool several, ErrorDomain from) {
    const std::string mac = i.mac.address ? i.mac.address->to_string() : "(null)";
    const std::string alias = i.info.alias.name.empty() ? "(null)" : i.info.alias.name;
    std::string address = "(null)";
    if (i.info.address && i.info.address->is_pci()) {
        const Address& a = *i.info.address;
        address = fmt::format("{:04x}:{:02x}:{:02x}.{}", a.domain.value_or(0), *a.bus, *a.slot, a.function.value_or(0));
    }
    if (several)
        return make_error(ErrorCode::operation_failed, ErrorDomain::domain, "multiple devices matching MAC address '{}' and alias '{}' found", mac, alias);
    return make_error(ErrorCode::device_missing, ErrorDomain::domain,
                      "no device found at address '<{}>' matching MAC address '{}' and alias '<{}>'", address, mac, alias);
    (void)from;
}

Error missing(const Device& wanted, ErrorDomain from, DeviceVerb verb) {
    if (wanted.kind == DeviceKind::interface) return interface_error(wanted.as<Interface>(), false, from);
    if (wanted.kind == DeviceKind::disk) {
        const std::string& dev = wanted.as<Disk>().target.dev;
        if (verb == DeviceVerb::update) return make_error(ErrorCode::invalid_arg, from, "target {} doesn't exist.", dev);
        return make_error(ErrorCode::device_missing, from, "no target device {}", dev);
    }
    if (wanted.kind == DeviceKind::graphics)
        return make_error(ErrorCode::device_missing, from, "cannot find existing graphics type '{}' device to modify",
                          kGraphicsTypes[static_cast<std::size_t>(wanted.as<Graphics>().type)]);
    if (wanted.kind == DeviceKind::lease)
        return make_error(ErrorCode::invalid_arg, from, "Lease {} in lockspace {} does not exist", wanted.as<Lease>().key,
                          wanted.as<Lease>().lockspace.empty() ? "(null)" : wanted.as<Lease>().lockspace);
    for (const Missing& row : kMissing) {
        if (row.kind == wanted.kind) return make_error_text(row.code, from, std::string(row.text));
    }
    return make_error(ErrorCode::device_missing, from, "device not present in domain configuration");
}

} // namespace

Result<DeviceRef> find_device(const Devices& devices, const Device& wanted, ErrorDomain from, DeviceVerb verb) {
    std::optional<std::size_t> found;
    bool several = false;
    for (std::size_t i = 0; i < count_devices(devices, wanted.kind); i++) {
        const Device have = device_at(devices, {wanted.kind, i});
        const bool match = std::visit(
            [&](const auto& w) {
                using T = std::remove_cvref_t<decltype(w)>;
                return same(w, have.as<T>());
            },
            wanted.value);
        if (!match) continue;
        if (found) several = true;
        else found = i;
    }
    if (!found) return missing(wanted, from, verb);
    // Two cards of one address, or none named at all: not for us to choose.
    if (several && wanted.kind == DeviceKind::interface) return interface_error(wanted.as<Interface>(), true, from);
    return DeviceRef{wanted.kind, *found};
}

} // namespace polyvirt::sdk::domain
