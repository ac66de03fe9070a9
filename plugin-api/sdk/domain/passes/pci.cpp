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

constexpr std::uint16_t bit(PciNeed need) {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(need));
}
constexpr std::uint16_t kEndpoints =
    bit(PciNeed::pci) | bit(PciNeed::pcie) | bit(PciNeed::integrated);

// Where a device goes by itself.
bool comes_to(const PciModel& m, PciNeed need) {
    const bool endpoint = need == PciNeed::pci || need == PciNeed::pcie;
    return (m.takes & bit(need)) != 0 && (!endpoint || m.automatic);
}

// Where the document may put it: what fits electrically, as a conventional device on the root bus.
bool may_be_at(const PciModel& m, PciNeed need) {
    if ((m.takes & bit(need)) != 0) return true;
    const bool endpoint = (kEndpoints & bit(need)) != 0;
    if (endpoint || need == PciNeed::pci_bridge) return (m.takes & kEndpoints) != 0;
    return need == PciNeed::pcie_to_pci && m.name == "pcie-root";
}

} // namespace

PciBuses::PciBuses(const Domain& domain, Chipset chipset, Growth growth)
    : chipset_(chipset), growth_(growth) {
    for (const Controller& c : domain.devices.controllers) {
        if (c.type != ControllerType::pci || !c.index || *c.index >= kMaxBuses) continue;
        if (buses_.size() <= *c.index) buses_.resize(*c.index + 1);
        buses_[*c.index].model = find_pci_model(c.model);
    }
    const std::string_view root = chipset == Chipset::q35 ? "pcie-root" : "pci-root";
    const std::string_view between = chipset == Chipset::q35 ? "pcie-root-port" : "pci-bridge";
    for (std::size_t i = 0; i < buses_.size(); i++) {
        if (buses_[i].model == nullptr) buses_[i].model = find_pci_model(i == 0 ? root : between);
    }
}

bool PciBuses::slot_free(std::uint32_t bus, std::uint32_t slot) const {
    return bus < size() && slot < 32 && buses_[bus].slots[slot].functions == 0;
}

bool PciBuses::function_free(std::uint32_t bus, std::uint32_t slot, std::uint32_t function) const {
    return bus < size() && slot < 32 && function < 8 &&
           (buses_[bus].slots[slot].functions & (1u << function)) == 0;
}

bool PciBuses::any_slot_free() const {
    return std::any_of(buses_.begin(), buses_.end(), [](const Bus& bus) {
        return std::any_of(bus.slots.begin() + bus.model->first,
                           bus.slots.begin() + bus.model->last + 1,
                           [](const Slot& s) { return s.functions == 0; });
    });
}

Status PciBuses::reserve(const Address& a, PciNeed need, std::string_view who) {
    const std::uint32_t index = a.bus.value_or(0);
    if (index >= size() && growth_ == Growth::allowed) PV_TRY(grow_to(index, need, who));
    if (index >= size()) {
        return xml_error(
            "{} has the PCI address {}, but there is no PCI controller with index='{}'", who,
            shown(a), index);
    }
    const PciModel& model = *buses_[index].model;
    const std::uint32_t slot = a.slot.value_or(0), function = a.function.value_or(0);
    if (a.domain.value_or(0) != 0)
        return xml_error("{} has the PCI address {}, but only PCI domain 0 is available", who,
                         shown(a));
    if (!may_be_at(model, need)) {
        return xml_error("The device at PCI address {} ({}) cannot be plugged into the PCI "
                         "controller with index='{}', a {}",
                         shown(a), who, index, model.name);
    }
    if (slot < model.first || slot > model.last || function > 7) {
        return xml_error("{} has the PCI address {}, but slots of a {} go from {} to {}", who,
                         shown(a), model.name, model.first, model.last);
    }
    if (!function_free(index, slot, function))
        return xml_error("Attempted double use of PCI Address {} by {}", shown(a), who);
    take(a, need);
    return {};
}

void PciBuses::take(const Address& a, PciNeed need) {
    Slot& slot = buses_[a.bus.value_or(0)].slots[a.slot.value_or(0)];
    if (slot.functions == 0) slot.shared = need == PciNeed::root_port;
    slot.functions = static_cast<std::uint8_t>(slot.functions | (1u << a.function.value_or(0)));
}

// Root ports share slots, eight to a slot, so that the root bus doesn't run out of them.
bool PciBuses::find(PciNeed need, Address& out) const {
    for (std::uint32_t i = 0; i < size(); i++) {
        const Bus& bus = buses_[i];
        if (!comes_to(*bus.model, need)) continue;
        for (std::uint32_t s = bus.model->first; s <= bus.model->last; s++) {
            const Slot& slot = bus.slots[s];
            std::uint32_t function = 0;
            if (slot.functions != 0) {
                if (!slot.shared || need != PciNeed::root_port || slot.functions == 0xff) continue;
                while (slot.functions & (1u << function)) function++;
            }
            out = Address::pci(i, s, function);
            return true;
        }
    }
    return false;
}

void PciBuses::add(const PciModel* model) {
    Bus bus;
    bus.model = model;
    buses_.push_back(bus);
}

Status PciBuses::grow(PciNeed need, std::string_view who) {
    const auto any_takes = [&](PciNeed n) {
        return std::any_of(buses_.begin(), buses_.end(),
                           [n](const Bus& b) { return (b.model->takes & bit(n)) != 0; });
    };
    std::string_view model;
    if (need == PciNeed::pci || need == PciNeed::pci_bridge) {
        model = "pci-bridge";
        if (!any_takes(PciNeed::pci_bridge)) { // with a port of its own to plug it into
            PV_TRY(grow(PciNeed::pcie_to_pci, who));
            model = "pcie-to-pci-bridge";
        }
    }
    if (need == PciNeed::pcie || need == PciNeed::switch_upstream || need == PciNeed::pcie_to_pci)
        model = chipset_ == Chipset::q35 ? "pcie-root-port" : "";
    if (model.empty() || buses_.empty()) {
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "a PCI slot is needed for {}, but none is available, and it cannot be "
                          "automatically added",
                          who);
    }
    if (size() >= kMaxBuses)
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "a {} is needed for {}, but all {} PCI buses are in use", model, who,
                          kMaxBuses);
    add(find_pci_model(model));
    return {};
}

Status PciBuses::grow_to(std::uint32_t bus, PciNeed need, std::string_view who) {
    while (size() <= bus) PV_TRY(grow(need, who));
    return {};
}

Result<Address> PciBuses::assign(PciNeed need, std::string_view who, std::uint32_t function) {
    Address out;
    bool found = find(need, out);
    if (!found && growth_ == Growth::allowed) {
        PV_TRY(grow(need, who));
        found = find(need, out);
    }
    if (!found) {
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "no PCI slot is left for {}", who);
    }
    if (need != PciNeed::root_port) out.function = function;
    take(out, need);
    return out;
}

} // namespace polyvirt::sdk::domain
