// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Addresses on buses other than PCI.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"

namespace polyvirt::sdk::domain {
namespace {

std::uint32_t usb_ports(const Controller& c) {
    if (c.ports)
        return *c.ports;
    if (c.model == "nec-xhci" || c.model == "qemu-xhci")
        return 4;
    if (c.model.rfind("ich9-ehci", 0) == 0 || c.model == "ehci")
        return 6;
    if (c.model == "none")
        return 0;
    return 2;
}

} // namespace

namespace {

// Which ports of which virtio-serial controllers are free. Port 0 of a controller is a console's.
class SerialPorts {
  public:
    explicit SerialPorts(Domain& d) : d_(d) {
        for (const Controller& c : d.devices.controllers) {
            if (c.type == ControllerType::virtio_serial)
                used_[c.index.value_or(0)];
        }
    }
    void take(const Address& a) {
        std::uint32_t port = 0;
        std::from_chars(a.port.data(), a.port.data() + a.port.size(), port);
        used_[a.controller.value_or(0)].insert(port);
    }
    Address next(Number controller) {
        for (auto& [index, ports] : used_) {
            if (controller && *controller != index)
                continue;
            for (std::uint32_t port = 1; port < ports_of(index); port++) {
                if (ports.insert(port).second)
                    return Address::virtio_serial(index, 0, port);
            }
        }
        const std::uint32_t index = used_.empty() ? 0 : used_.rbegin()->first + 1;
        Controller added;
        added.type = ControllerType::virtio_serial;
        added.index = index;
        d_.devices.controllers.push_back(std::move(added));
        used_[index].insert(1);
        return Address::virtio_serial(index, 0, 1);
    }

  private:
    [[nodiscard]] std::uint32_t ports_of(std::uint32_t index) const {
        for (const Controller& c : d_.devices.controllers) {
            if (c.type == ControllerType::virtio_serial && c.index == index)
                return c.ports.value_or(31);
        }
        return 31;
    }
    Domain& d_;
    std::map<std::uint32_t, std::set<std::uint32_t>> used_;
};

} // namespace

void assign_virtio_serial(Domain& d) {
    SerialPorts ports(d);
    auto on_virtio = [](const Chardev& c) { return c.target.type == "virtio"; };
    auto given = [](const Chardev& c) {
        return c.info.address && c.info.address->type == AddressType::virtio_serial &&
               !c.info.address->port.empty() && c.info.address->port != "0";
    };
    for (const Chardev& c : d.devices.channels)
        if (on_virtio(c) && given(c))
            ports.take(*c.info.address);
    for (Chardev& c : d.devices.channels) {
        if (on_virtio(c) && !given(c))
            c.info.address = ports.next(c.info.address ? c.info.address->controller : Number{});
    }
}

namespace {

// The USB ports of one guest. Hubs make eight more, named after their own: "1.3".
class UsbPorts {
  public:
    explicit UsbPorts(const Domain& d) {
        for (const Controller& c : d.devices.controllers) {
            if (c.type == ControllerType::usb && c.model != "none" &&
                c.model.rfind("ich9-uhci", 0) != 0)
                add(c.index.value_or(0), "", usb_ports(c));
        }
        for (const Controller& c : d.devices.controllers) // companions alone make a bus too
            if (c.type == ControllerType::usb && c.model.rfind("ich9-uhci", 0) == 0 &&
                !buses_.contains(c.index.value_or(0)))
                add(c.index.value_or(0), "", usb_ports(c));
    }
    void add(std::uint32_t bus, const std::string& stem, std::uint32_t count) {
        constexpr std::uint32_t kMost = 255;
        for (std::uint32_t i = 1; i <= std::min(count, kMost); i++)
            buses_[bus].push_back(
                {stem.empty() ? std::to_string(i) : fmt::format("{}.{}", stem, i), false});
    }
    Status take(const Address& a, std::string_view who) {
        const bool digits = a.port.find_first_not_of("0123456789.") == std::string::npos;
        if (!digits || std::count(a.port.begin(), a.port.end(), '.') > 3)
            return make_error(ErrorCode::internal_error, ErrorDomain::device,
                              "Cannot parse <address> 'port' attribute");
        const auto bus = buses_.find(a.bus.value_or(0));
        if (bus == buses_.end())
            return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                              "USB bus {} requested but no controller with that index is present",
                              a.bus.value_or(0));
        for (Port& p : bus->second) {
            if (p.name != a.port)
                continue;
            if (p.used)
                return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                                  "Duplicate USB address bus {} port {} for {}", bus->first, a.port,
                                  who);
            p.used = true;
            return {};
        }
        return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                          "requested USB port {} not present on USB bus {}", a.port, bus->first);
    }
    std::optional<Address> next(Number wanted) {
        for (auto& [bus, ports] : buses_) {
            if (wanted && *wanted != bus)
                continue;
            for (Port& p : ports) {
                if (p.used)
                    continue;
                p.used = true;
                return Address::usb(bus, p.name);
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] std::size_t free_ports() const {
        std::size_t n = 0;
        for (const auto& [bus, ports] : buses_) {
            n += static_cast<std::size_t>(
                std::count_if(ports.begin(), ports.end(), [](const Port& p) { return !p.used; }));
        }
        return n;
    }
    [[nodiscard]] bool any() const { return !buses_.empty(); }

  private:
    struct Port {
        std::string name;
        bool used;
    };
    std::map<std::uint32_t, std::vector<Port>> buses_;
};

bool has_port(const DeviceInfo& info) {
    return info.address && !info.address->port.empty();
}

std::vector<std::pair<DeviceInfo*, const char*>> usb_devices(Domain& d) {
    std::vector<std::pair<DeviceInfo*, const char*>> out;
    auto& v = d.devices;
    for (Disk& x : v.disks)
        if (x.target.bus == DiskBus::usb)
            out.emplace_back(&x.info, "a disk");
    for (Sound& x : v.sounds)
        if (x.model == "usb")
            out.emplace_back(&x.info, "a sound device");
    for (Hostdev& x : v.hostdevs)
        if (x.type == "usb")
            out.emplace_back(&x.info, "a host device");
    for (Controller& x : v.controllers)
        if (x.type == ControllerType::ccid)
            out.emplace_back(&x.info, "a smartcard reader");
    for (Chardev& x : v.serials)
        if (x.target.type == "usb-serial")
            out.emplace_back(&x.info, "a serial device");
    for (Input& x : v.inputs)
        if (x.bus == InputBus::usb)
            out.emplace_back(&x.info, "an input device");
    for (Redirdev& x : v.redirdevs)
        out.emplace_back(&x.info, "a redirected device");
    return out;
}

constexpr std::uint32_t kHubPorts = 8;

// Hubs make ports for others, so they come first, those that hang on other hubs after these.
Status place_hubs(Domain& d, UsbPorts& ports) {
    std::vector<Hub*> given;
    for (Hub& h : d.devices.hubs)
        if (has_port(h.info))
            given.push_back(&h);
    std::stable_sort(given.begin(), given.end(), [](const Hub* a, const Hub* b) {
        return a->info.address->port.size() < b->info.address->port.size();
    });
    for (Hub* h : given) {
        PV_TRY(ports.take(*h->info.address, "a hub"));
        ports.add(h->info.address->bus.value_or(0), h->info.address->port, kHubPorts);
    }
    for (Hub& h : d.devices.hubs) {
        if (has_port(h.info))
            continue;
        h.info.address = ports.next(h.info.address ? h.info.address->bus : Number{});
        if (!h.info.address)
            return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                              "No free USB ports for a hub");
        ports.add(*h.info.address->bus, h.info.address->port, kHubPorts);
    }
    return {};
}

} // namespace

Status assign_usb(Domain& d) {
    UsbPorts ports(d);
    PV_TRY(place_hubs(d, ports));
    auto devices = usb_devices(d);
    std::size_t waiting = 0;
    for (const auto& [info, who] : devices) {
        if (has_port(*info))
            PV_TRY(ports.take(*info->address, who));
        else
            waiting++;
    }
    while (ports.any() && waiting > ports.free_ports() && ports.free_ports() > 0) {
        Hub hub; // in a port that is left, where a device could have been: seven more
        hub.type = "usb";
        hub.info.address = ports.next({});
        ports.add(*hub.info.address->bus, hub.info.address->port, kHubPorts);
        d.devices.hubs.push_back(std::move(hub));
    }
    for (const auto& [info, who] : devices) {
        if (has_port(*info))
            continue;
        auto place = ports.next(info->address ? info->address->bus : Number{});
        if (!place)
            return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                              "No free USB ports for {}: give a USB controller with more ports",
                              who);
        info->address = std::move(place);
    }
    return {};
}

Status check_drives(Domain& d) {
    std::map<std::tuple<DiskBus, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>,
             const Disk*>
        use;
    for (const Disk& disk : d.devices.disks) {
        if (!disk.info.address || disk.info.address->type != AddressType::drive)
            continue;
        const Address& a = *disk.info.address;
        const auto key = std::tuple(disk.target.bus, a.controller.value_or(0), a.bus.value_or(0),
                                    a.target.value_or(0), a.unit.value_or(0));
        if (use.emplace(key, &disk).second)
            continue;
        return make_error(
            ErrorCode::config_unsupported, ErrorDomain::domain,
            "Found duplicate drive address for disk with target name '{}' controller='{}' bus='{}' "
            "target='{}' unit='{}'",
            disk.target.dev, a.controller.value_or(0), a.bus.value_or(0), a.target.value_or(0),
            a.unit.value_or(0));
    }
    return {};
}

} // namespace polyvirt::sdk::domain
