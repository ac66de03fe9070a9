// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The PCI buses of one guest while addresses are given out: which slots are taken, what may be
// plugged in where, which bridges and root ports have to be added. For passes/ only.

#include <array>
#include <cstdint>
#include <string>
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

class PciBuses {
  public:
    // Takes in the PCI controllers of the domain as they are.
    PciBuses(Domain& domain, Chipset chipset);

    [[nodiscard]] bool present() const { return !buses_.empty(); }
    // Marks an address as taken. Error: no such bus, not pluggable there, in use.
    Status reserve(const Address& address, PciNeed need, std::string_view who);
    [[nodiscard]] bool slot_free(std::uint32_t bus, std::uint32_t slot) const;
    [[nodiscard]] bool function_free(std::uint32_t bus, std::uint32_t slot,
                                     std::uint32_t function) const;
    // The next free place for such a device; adds controllers where needed. Whole slots.
    Result<Address> assign(PciNeed need, std::string_view who);
    // Gives the controllers that have none their own addresses, options and numbers.
    Status place_controllers();
    [[nodiscard]] bool grew() const { return grew_; }
    [[nodiscard]] std::size_t configured() const { return configured_; }

  private:
    struct Bus {
        std::string model;
        std::array<std::uint8_t, 32> functions{}; // a bit each
        std::uint32_t first = 0, last = 31;       // slots that devices can use
        bool exists = false;
    };
    [[nodiscard]] static bool accepts(const Bus& bus, PciNeed need);
    [[nodiscard]] const Bus* bus_at(std::uint32_t index) const;
    void adopt(const Controller& c);
    Result<std::uint32_t> add_controller(std::string_view model);
    Result<Address> assign_root_port();
    bool find_slot(PciNeed need, Address& out) const;
    bool find_on(std::uint32_t index, Address& out) const;
    Status grow_for(PciNeed need, std::string_view who);
    void fill_options(Controller& c);

    Domain& domain_;
    Chipset chipset_;
    std::vector<Bus> buses_;
    std::size_t configured_ = 0;
    bool grew_ = false;
};

PciNeed need_of_controller(const Controller& c);

} // namespace polyvirt::sdk::domain
