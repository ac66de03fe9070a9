// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes/pci.h"

#include <algorithm>

namespace polyvirt::sdk::domain {
namespace {

using enum PciNeed;

template <typename... N> constexpr std::uint16_t takes(N... needs) {
    return static_cast<std::uint16_t>((0u | ... | (1u << static_cast<unsigned>(needs))));
}

// Slot 0 of a root bus is the host bridge's, that of a bridge its hot-plug controller's.
constexpr PciModel kModels[] = {
    {"pci-root", "", pci, takes(pci, integrated, pci_bridge, expander), true, 1, 31},
    {"pcie-root", "", pci, takes(pcie, integrated, root_port, dmi_bridge, pcie_expander), false, 1,
     31},
    {"pcie-root-port", "pcie-root-port", root_port, takes(pcie, switch_upstream, pcie_to_pci), true,
     0, 0},
    {"pcie-switch-upstream-port", "x3130-upstream", switch_upstream, takes(switch_downstream), true,
     0, 31},
    {"pcie-switch-downstream-port", "xio3130-downstream", switch_downstream,
     takes(pcie, switch_upstream, pcie_to_pci), true, 0, 0},
    // Cannot be hot-plugged behind, so that devices come here only when told to.
    {"dmi-to-pci-bridge", "i82801b11-bridge", dmi_bridge, takes(pci, pci_bridge), false, 0, 31},
    {"pci-bridge", "pci-bridge", pci_bridge, takes(pci, pci_bridge), true, 1, 31},
    {"pcie-to-pci-bridge", "pcie-pci-bridge", pcie_to_pci, takes(pci, pci_bridge), true, 1, 31},
    {"pci-expander-bus", "pxb", expander, takes(pci, pci_bridge), true, 0, 31},
    {"pcie-expander-bus", "pxb-pcie", pcie_expander, takes(root_port, dmi_bridge), true, 0, 0},
};

} // namespace

const PciModel* find_pci_model(std::string_view name) {
    const auto* found = std::find_if(std::begin(kModels), std::end(kModels),
                                     [&](const PciModel& m) { return m.name == name; });
    return found == std::end(kModels) ? nullptr : found;
}

PciNeed need_of_controller(const Controller& c) {
    const PciModel* model = c.type == ControllerType::pci ? find_pci_model(c.model) : nullptr;
    return model != nullptr ? model->need : pci;
}

} // namespace polyvirt::sdk::domain
