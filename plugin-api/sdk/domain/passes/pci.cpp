// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes/pci.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr std::uint32_t kMaxBuses = 256;

std::string shown(const Address& a) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", a.domain.value_or(0), a.bus.value_or(0),
                       a.slot.value_or(0), a.function.value_or(0));
}

template <typename... A> Error xml_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::domain, f, std::forward<A>(a)...);
}

} // namespace

PciNeed need_of_controller(const Controller& c) {
    if (c.model == "pcie-root-port")
        return PciNeed::root_port;
    if (c.model == "pcie-switch-upstream-port")
        return PciNeed::switch_upstream;
    if (c.model == "pcie-switch-downstream-port")
        return PciNeed::switch_downstream;
    if (c.model == "dmi-to-pci-bridge")
        return PciNeed::dmi_bridge;
    if (c.model == "pci-bridge")
        return PciNeed::pci_bridge;
    if (c.model == "pcie-to-pci-bridge")
        return PciNeed::pcie_to_pci;
    if (c.model == "pci-expander-bus")
        return PciNeed::expander;
    if (c.model == "pcie-expander-bus")
        return PciNeed::pcie_expander;
    return PciNeed::pci;
}

PciBuses::PciBuses(Domain& domain, Chipset chipset) : domain_(domain), chipset_(chipset) {
    for (const Controller& c : domain.devices.controllers) {
        if (c.type == ControllerType::pci && c.index && *c.index < kMaxBuses)
            adopt(c);
    }
    for (std::size_t i = 1; i < buses_.size(); i++)
        configured_ += buses_[i].exists ? 1 : 0;
}

void PciBuses::adopt(const Controller& c) {
    if (buses_.size() <= *c.index)
        buses_.resize(*c.index + 1);
    Bus& bus = buses_[*c.index];
    bus.exists = true;
    bus.model = c.model;
    if (c.model == "pcie-root-port" || c.model == "pcie-switch-downstream-port") {
        bus.last = 0;
    } else if (c.model == "pci-root" || c.model == "pcie-root" || c.model == "pci-bridge" ||
               c.model == "pcie-to-pci-bridge") {
        bus.first = 1; // slot 0 is the host bridge's, or the hot-plug controller's
    } else if (c.model == "dmi-to-pci-bridge") {
        bus.first = 0;
    }
}

bool PciBuses::accepts(const Bus& bus, PciNeed need) {
    const std::string& m = bus.model;
    const bool conventional = m == "pci-root" || m == "pci-bridge" || m == "pcie-to-pci-bridge" ||
                              m == "dmi-to-pci-bridge" || m == "pci-expander-bus";
    const bool port = m == "pcie-root-port" || m == "pcie-switch-downstream-port";
    const bool root = m == "pcie-root" || m == "pcie-expander-bus";
    switch (need) {
    case PciNeed::pci:
        return conventional;
    case PciNeed::pcie:
        return port || m == "pci-root" || m == "pci-bridge";
    case PciNeed::integrated:
        return m == "pcie-root" || m == "pci-root";
    case PciNeed::root_port:
        return root;
    case PciNeed::switch_upstream:
        return port;
    case PciNeed::switch_downstream:
        return m == "pcie-switch-upstream-port";
    case PciNeed::dmi_bridge:
        return root;
    case PciNeed::pci_bridge:
        return conventional;
    case PciNeed::pcie_to_pci:
        return port;
    case PciNeed::expander:
        return m == "pci-root";
    case PciNeed::pcie_expander:
        return m == "pcie-root";
    }
    return false;
}

const PciBuses::Bus* PciBuses::bus_at(std::uint32_t index) const {
    return index < buses_.size() && buses_[index].exists ? &buses_[index] : nullptr;
}

bool PciBuses::slot_free(std::uint32_t bus, std::uint32_t slot) const {
    const Bus* b = bus_at(bus);
    return b && slot < 32 && b->functions[slot] == 0;
}

bool PciBuses::function_free(std::uint32_t bus, std::uint32_t slot, std::uint32_t function) const {
    const Bus* b = bus_at(bus);
    return b && slot < 32 && function < 8 && (b->functions[slot] & (1u << function)) == 0;
}

Status PciBuses::reserve(const Address& a, PciNeed need, std::string_view who) {
    const Bus* bus = bus_at(a.bus.value_or(0));
    if (!bus) {
        return xml_error(
            "{} has the PCI address {}, but there is no PCI controller with index='{}'", who,
            shown(a), a.bus.value_or(0));
    }
    const std::uint32_t slot = a.slot.value_or(0), function = a.function.value_or(0);
    // On the root bus and behind ports the user may put what fits electrically, as the peer allows
    // it.
    const bool lenient = need == PciNeed::pci || need == PciNeed::pcie ||
                         need == PciNeed::integrated || need == PciNeed::pcie_to_pci;
    const bool plugged = accepts(*bus, need) ||
                         (lenient && (bus->model == "pcie-root" || accepts(*bus, PciNeed::pci) ||
                                      accepts(*bus, PciNeed::pcie)));
    if (!plugged) {
        return xml_error("The device at PCI address {} ({}) cannot be plugged into the PCI "
                         "controller with index='{}', a {}",
                         shown(a), who, a.bus.value_or(0), bus->model);
    }
    if (slot > 31 || function > 7 || slot > bus->last) {
        return xml_error("{} has the PCI address {}, but slots of a {} go from {} to {}", who,
                         shown(a), bus->model, bus->first, bus->last);
    }
    auto& functions = buses_[a.bus.value_or(0)].functions[slot];
    if (functions & (1u << function))
        return xml_error("Attempted double use of PCI Address {} by {}", shown(a), who);
    functions = static_cast<std::uint8_t>(functions | (1u << function));
    return {};
}

bool PciBuses::find_on(std::uint32_t index, Address& out) const {
    const Bus& bus = buses_[index];
    for (std::uint32_t slot = bus.first; slot <= bus.last; slot++) {
        if (bus.functions[slot] != 0)
            continue;
        out = Address::pci(index, slot, 0);
        return true;
    }
    return false;
}

bool PciBuses::find_slot(PciNeed need, Address& out) const {
    for (std::uint32_t i = 0; i < buses_.size(); i++) {
        if (buses_[i].exists && accepts(buses_[i], need) && find_on(i, out))
            return true;
    }
    return false;
}

Result<std::uint32_t> PciBuses::add_controller(std::string_view model) {
    std::uint32_t index = 0;
    while (bus_at(index))
        index++;
    if (index >= kMaxBuses)
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "a {} is needed, but all {} PCI buses are in use", model, kMaxBuses);
    Controller c;
    c.type = ControllerType::pci;
    c.index = index;
    c.model = model;
    adopt(c);
    domain_.devices.controllers.push_back(std::move(c));
    grew_ = true;
    return index;
}

Status PciBuses::grow_for(PciNeed need, std::string_view who) {
    if (need == PciNeed::pcie || need == PciNeed::pcie_to_pci || need == PciNeed::switch_upstream) {
        if (bus_at(0) && buses_[0].model == "pcie-root") {
            PV_TRY(add_controller("pcie-root-port"));
            return {};
        }
    }
    if (need == PciNeed::pci || need == PciNeed::pcie || need == PciNeed::pci_bridge) {
        PV_TRY(add_controller(chipset_ == Chipset::q35 ? "pcie-to-pci-bridge" : "pci-bridge"));
        return {};
    }
    return make_error(
        ErrorCode::internal_error, ErrorDomain::domain,
        "a PCI slot is needed for {}, but none is available, and it cannot be automatically added",
        who);
}

Result<Address> PciBuses::assign(PciNeed need, std::string_view who) {
    Address out;
    if (need == PciNeed::root_port)
        return assign_root_port();
    // Where the board's own bridge would be.
    if (need == PciNeed::dmi_bridge && chipset_ == Chipset::q35 && slot_free(0, 0x1e)) {
        out = Address::pci(0, 0x1e, 0);
    } else if (!find_slot(need, out)) {
        PV_TRY(grow_for(need, who));
        if (!find_slot(need, out))
            return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                              "no PCI slot is left for {}", who);
    }
    buses_[*out.bus].functions[*out.slot] = 0xff;
    return out;
}

// Root ports share slots of the root bus, eight to a slot, so that it doesn't run out.
Result<Address> PciBuses::assign_root_port() {
    for (std::uint32_t i = 0; i < buses_.size(); i++) {
        Bus& bus = buses_[i];
        if (!bus.exists || !accepts(bus, PciNeed::root_port))
            continue;
        for (std::uint32_t slot = bus.first; slot <= bus.last; slot++) {
            bool ports = bus.functions[slot] == 0;
            for (const Controller& c : domain_.devices.controllers) {
                const auto& a = c.info.address;
                if (c.model == "pcie-root-port" && a && a->is_pci() && a->bus == i &&
                    a->slot == slot && a->function == 0u && a->multifunction == OnOff::on)
                    ports = true;
            }
            if (!ports)
                continue;
            for (std::uint32_t f = 0; f < 8; f++) {
                if (bus.functions[slot] & (1u << f))
                    continue;
                bus.functions[slot] = static_cast<std::uint8_t>(bus.functions[slot] | (1u << f));
                Address out = Address::pci(i, slot, f);
                if (f == 0)
                    out.multifunction = OnOff::on;
                return out;
            }
        }
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                      "a PCI slot is needed to connect a PCI controller model='pcie-root-port', "
                      "but none is available, and "
                      "it cannot be automatically added");
}

void PciBuses::fill_options(Controller& c) {
    const std::uint32_t index = c.index.value_or(0);
    const auto& a = c.info.address;
    if (c.model == "pcie-root-port" || c.model == "pcie-switch-downstream-port") {
        if (c.pci_model_name.empty())
            c.pci_model_name =
                c.model == "pcie-root-port" ? "pcie-root-port" : "xio3130-downstream";
        if (!c.target.chassis)
            c.target.chassis = index;
        if (!c.target.port && a && a->is_pci())
            c.target.port = (*a->slot << 3) | a->function.value_or(0);
    } else if (c.model == "pci-bridge") {
        if (c.pci_model_name.empty())
            c.pci_model_name = "pci-bridge";
        if (!c.target.chassis_nr)
            c.target.chassis_nr = index;
    } else if (c.pci_model_name.empty()) {
        if (c.model == "dmi-to-pci-bridge")
            c.pci_model_name = "i82801b11-bridge";
        if (c.model == "pcie-to-pci-bridge")
            c.pci_model_name = "pcie-pci-bridge";
        if (c.model == "pcie-switch-upstream-port")
            c.pci_model_name = "x3130-upstream";
        if (c.model == "pci-expander-bus")
            c.pci_model_name = "pxb";
        if (c.model == "pcie-expander-bus")
            c.pci_model_name = "pxb-pcie";
    }
}

Status PciBuses::place_controllers() {
    // By index, as the list may grow on the way: what bridges need is added behind them.
    for (std::size_t i = 0; i < domain_.devices.controllers.size(); i++) {
        Controller& c = domain_.devices.controllers[i];
        if (c.type != ControllerType::pci || c.index == 0u || c.info.address)
            continue;
        PV_ASSIGN_OR_RETURN(Address a, assign(need_of_controller(c), "a PCI controller"));
        domain_.devices.controllers[i].info.address = std::move(a);
    }
    for (Controller& c : domain_.devices.controllers) {
        if (c.type == ControllerType::pci)
            fill_options(c);
    }
    return {};
}

} // namespace polyvirt::sdk::domain
