// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "sdk/domain/passes/addresses.h"

namespace polyvirt::sdk::domain {
namespace {

// Which ports of which virtio-serial controllers are free. Port 0 of a controller is a console's.
class SerialPorts {
  public:
    explicit SerialPorts(Domain& d) : d_(d) {
        for (const Controller& c : d.devices.controllers) {
            if (c.type == ControllerType::virtio_serial) used_[c.index.value_or(0)];
        }
    }
    void take(const Address& a) {
        std::uint32_t port = 0;
        std::from_chars(a.port.data(), a.port.data() + a.port.size(), port);
        used_[a.controller.value_or(0)].insert(port);
    }
    Address next(Number controller) {
        for (auto& [index, ports] : used_) {
            if (controller && *controller != index) continue;
            for (std::uint32_t port = 1; port < ports_of(index); port++) {
                if (ports.insert(port).second) return Address::virtio_serial(index, 0, port);
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
        if (on_virtio(c) && given(c)) ports.take(*c.info.address);
    for (Chardev& c : d.devices.channels) {
        if (on_virtio(c) && !given(c))
            c.info.address = ports.next(c.info.address ? c.info.address->controller : Number{});
    }
}

} // namespace polyvirt::sdk::domain
