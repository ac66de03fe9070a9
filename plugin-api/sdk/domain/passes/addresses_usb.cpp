// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr std::uint32_t kHubPorts = 8;
constexpr std::size_t kMostHubs =
    64; // a document must not cost memory by its number of devices alone
constexpr std::uint32_t kMostPorts = 255;

std::uint32_t ports_of(const Controller& c) {
    if (c.model == "none") return 0;
    if (c.ports) return std::min(*c.ports, kMostPorts);
    if (c.model == "nec-xhci" || c.model == "qemu-xhci") return 4;
    return c.model.rfind("ich9-ehci", 0) == 0 || c.model == "ehci" ? 6 : 2;
}

bool is_usb_companion(const Controller& c) { return c.model.rfind("ich9-uhci", 0) == 0; }

template <typename... A> Error usb_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::domain, f, std::forward<A>(a)...);
}

// The ports of a controller or hub, numbered from 1: "1.4" is the fourth port of the hub at the
// first.
struct PortGroup {
    struct Port {
        bool used = false;
        std::vector<PortGroup> hub; // one at most
    };
    std::vector<Port> ports;

    explicit PortGroup(std::uint32_t count) : ports(count) {}

    // One of its own first, then those of the hubs behind it.
    bool next(std::string& name) {
        for (std::size_t i = 0; i < ports.size(); i++) {
            if (ports[i].used) continue;
            ports[i].used = true;
            name += std::to_string(i + 1);
            return true;
        }
        for (std::size_t i = 0; i < ports.size(); i++) {
            std::string below;
            if (ports[i].hub.empty() || !ports[i].hub.front().next(below)) continue;
            name += fmt::format("{}.{}", i + 1, below);
            return true;
        }
        return false;
    }
    Port* find(std::string_view name) {
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error != std::errc{} || number == 0 || number > ports.size()) return nullptr;
        Port& port = ports[number - 1];
        if (end == name.data() + name.size()) return &port;
        const auto rest = name.substr(static_cast<std::size_t>(end - name.data()) + 1);
        return *end == '.' && !port.hub.empty() ? port.hub.front().find(rest) : nullptr;
    }
};

class UsbPorts {
  public:
    explicit UsbPorts(const Domain& d) {
        for (const bool companions : {false, true}) { // companions alone make a bus too
            for (const Controller& c : d.devices.controllers) {
                const std::uint32_t index = c.index.value_or(0);
                if (c.type != ControllerType::usb || c.model == "none" ||
                    is_usb_companion(c) != companions || buses_.contains(index))
                    continue;
                buses_.emplace(index, ports_of(c));
                count_ += ports_of(c);
            }
        }
    }

    Status take(const Address& a, std::string_view who) {
        PV_ASSIGN_OR_RETURN(PortGroup::Port * port, find(a));
        if (port->used)
            return usb_error("Duplicate USB address bus {} port {} for {}", a.bus.value_or(0),
                             a.port, who);
        port->used = true;
        return {};
    }
    void plug_hub(const Address& a) {
        auto port = find(a);
        if (port && (*port)->hub.empty()) (*port)->hub.emplace_back(kHubPorts);
    }
    std::optional<Address> next(const DeviceInfo& info) {
        const bool anywhere = !info.address || !info.address->bus;
        for (auto& [bus, root] : buses_) {
            std::string name;
            if ((anywhere || info.address->bus == bus) && root.next(name))
                return Address::usb(bus, name);
        }
        return std::nullopt;
    }
    // Of the controllers alone.
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] bool any() const { return !buses_.empty(); }

  private:
    Result<PortGroup::Port*> find(const Address& a) {
        const bool digits = a.port.find_first_not_of("0123456789.") == std::string::npos;
        if (!digits || std::count(a.port.begin(), a.port.end(), '.') > 3)
            return make_error(ErrorCode::internal_error, ErrorDomain::device,
                              "Cannot parse <address> 'port' attribute '{}'", a.port);
        const auto bus = buses_.find(a.bus.value_or(0));
        if (bus == buses_.end())
            return usb_error("USB bus {} requested but no controller with that index is present",
                             a.bus.value_or(0));
        if (PortGroup::Port* port = bus->second.find(a.port)) return port;
        return usb_error("requested USB port {} not present on USB bus {}", a.port, bus->first);
    }

    std::map<std::uint32_t, PortGroup> buses_;
    std::size_t count_ = 0;
};

bool has_port(const DeviceInfo& info) { return info.address && !info.address->port.empty(); }

std::vector<std::pair<DeviceInfo*, const char*>> usb_devices(Domain& d) {
    std::vector<std::pair<DeviceInfo*, const char*>> out;
    const auto add = [&](auto& list, const char* who, const auto& on_usb) {
        for (auto& x : list) {
            const AddressType type = x.info.address ? x.info.address->type : AddressType::unset;
            if (on_usb(x) && (type == AddressType::unset || type == AddressType::usb))
                out.emplace_back(&x.info, who);
        }
    };
    auto& v = d.devices;
    add(v.disks, "a disk", [](const Disk& x) { return x.target.bus == DiskBus::usb; });
    add(v.sounds, "a sound device", [](const Sound& x) { return x.model == "usb"; });
    add(v.hostdevs, "a host device", [](const Hostdev& x) { return x.type == "usb"; });
    add(v.controllers, "a smartcard reader",
        [](const Controller& x) { return x.type == ControllerType::ccid; });
    add(v.serials, "a serial device",
        [](const Chardev& x) { return x.target.type == "usb-serial"; });
    add(v.inputs, "an input device", [](const Input& x) { return x.bus == InputBus::usb; });
    add(v.interfaces, "an interface", [](const Interface& x) { return x.model == "usb-net"; });
    add(v.redirdevs, "a redirected device", [](const Redirdev&) { return true; });
    return out;
}

// Where the controllers' ports do not suffice. Each hub takes a port and makes eight.
void add_hubs(Domain& d, std::size_t ports, std::size_t devices) {
    const std::size_t all = ports + d.devices.hubs.size() * kHubPorts;
    const std::size_t needed = devices + d.devices.hubs.size();
    if (needed <= all) return;
    const std::size_t more =
        std::min((needed - all + 1 + kHubPorts - 2) / (kHubPorts - 1), kMostHubs);
    for (std::size_t i = 0; i < more; i++) {
        Hub hub;
        hub.type = "usb";
        d.devices.hubs.push_back(std::move(hub));
    }
}

// Hubs make ports for others, so they come first, those that hang on other hubs after these.
Status place_hubs(Domain& d, UsbPorts& ports) {
    std::vector<Hub*> given;
    for (Hub& h : d.devices.hubs) {
        if (has_port(h.info)) given.push_back(&h);
    }
    std::stable_sort(given.begin(), given.end(), [](const Hub* a, const Hub* b) {
        return a->info.address->port.size() < b->info.address->port.size();
    });
    for (Hub* h : given) {
        PV_TRY(ports.take(*h->info.address, "a hub"));
        ports.plug_hub(*h->info.address);
    }
    return {};
}

Error none_left(std::string_view who) {
    return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                      "No free USB ports for {}: give a USB controller with more ports", who);
}

} // namespace

Status assign_usb(Domain& d) {
    UsbPorts ports(d);
    const auto devices = usb_devices(d);
    if (ports.any()) add_hubs(d, ports.count(), devices.size());
    PV_TRY(place_hubs(d, ports));
    for (const auto& [info, who] : devices) {
        if (has_port(*info)) PV_TRY(ports.take(*info->address, who));
    }
    for (Hub& h : d.devices.hubs) {
        if (has_port(h.info)) continue;
        h.info.address = ports.next(h.info);
        if (!h.info.address) return none_left("a hub");
        ports.plug_hub(*h.info.address);
    }
    for (const auto& [info, who] : devices) {
        if (has_port(*info)) continue;
        auto place = ports.next(*info);
        if (!place) return none_left(who);
        info->address = std::move(place);
    }
    return {};
}

} // namespace polyvirt::sdk::domain
