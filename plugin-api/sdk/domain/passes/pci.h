// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The PCI buses of one guest while addresses are given out: which slots are taken, what may be
// plugged in where, which bridges and root ports would have to be added. For passes/ only.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

// What a device wants to be plugged into.
enum class PciNeed : std::uint8_t {
    pci,        // a conventional slot
    pcie,       // a PCI Express port of its own
    integrated, // the root bus itself
    root_port,
    switch_upstream,
    switch_downstream,
    dmi_bridge,
    pci_bridge,
    pcie_to_pci,
    expander,
    pcie_expander,
};

// One model of PCI controller: what it needs itself, and which bus it makes. pci_models.cpp
struct PciModel {
    std::string_view name;     // in documents
    std::string_view emulator; // what a document may call the emulator's implementation
    PciNeed need;
    std::uint16_t takes; // a bit for each PciNeed
    bool automatic;      // endpoints come here on their own, not only when the document says so
    std::uint32_t first, last; // slots that devices can use
};
// Null: no such model.
const PciModel* find_pci_model(std::string_view name);
PciNeed need_of_controller(const Controller& c);

class PciBuses {
  public:
    enum class Growth : bool { fixed, allowed };
    // Takes in the PCI controllers of the domain as they are. Indexes that the document leaves out
    // below its highest are buses too. With growth, buses are added as devices need them; the
    // domain itself is never changed.
    PciBuses(const Domain& domain, Chipset chipset, Growth growth);

    // Marks an address of the document as taken. Error: no such bus, not pluggable there, in use.
    Status reserve(const Address& address, PciNeed need, std::string_view who);
    [[nodiscard]] bool slot_free(std::uint32_t bus, std::uint32_t slot) const;
    [[nodiscard]] bool function_free(std::uint32_t bus, std::uint32_t slot,
                                     std::uint32_t function) const;
    [[nodiscard]] bool any_slot_free() const;
    // The next free place for such a device, at that function.
    Result<Address> assign(PciNeed need, std::string_view who, std::uint32_t function = 0);
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(buses_.size()); }
    [[nodiscard]] std::string_view model(std::uint32_t bus) const {
        return buses_[bus].model->name;
    }

  private:
    struct Slot {
        std::uint8_t functions = 0; // a bit each
        bool shared = false;        // by root ports, a function each
    };
    struct Bus {
        const PciModel* model = nullptr;
        std::array<Slot, 32> slots{};
    };
    void add(const PciModel* model);
    Status grow(PciNeed need, std::string_view who);
    Status grow_to(std::uint32_t bus, PciNeed need, std::string_view who);
    bool find(PciNeed need, Address& out) const;
    void take(const Address& address, PciNeed need);

    Chipset chipset_;
    Growth growth_;
    std::vector<Bus> buses_;
};

} // namespace polyvirt::sdk::domain
