// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// PCI addresses. First a plan is made: what stands in the document, what the board dictates, then
// the rest, on as many buses as it takes. The buses that the plan grew become controllers of the
// domain, and the same is done again on what is there now.
#include <algorithm>
#include <map>
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"
#include "sdk/domain/passes/pci_devices.h"
#include "sdk/domain/passes/visit.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr std::uint32_t kIch9Slots[] = {0x1d, 0x1a}; // where a PC of that chipset has them

class Layout {
  public:
    Layout(Domain& d, Chipset chipset, PciBuses::Growth growth)
        : buses(d, chipset, growth), d_(d), chipset_(chipset),
          planning_(growth == PciBuses::Growth::allowed) {}

    PciBuses buses;

    Status given() {
        std::set<const DeviceInfo*> known;
        for (const PciDevice& p : pci_devices(d_, chipset_)) {
            known.insert(p.info);
            if (p.info->address && p.info->address->is_pci())
                PV_TRY(buses.reserve(*p.info->address, p.need, p.who));
        }
        // What gets no place by itself may still have one.
        Status status;
        for_each_info(d_, [&](const DeviceInfo& info, std::string_view who) {
            if (status && info.address && info.address->is_pci() && !known.contains(&info))
                status = buses.reserve(*info.address, PciNeed::pci, who);
        });
        return status;
    }
    Status board() {
        PV_TRY(chipset_ == Chipset::q35 ? q35_controllers() : i440fx_controllers());
        PV_TRY(display());
        return chipset_ == Chipset::q35 ? q35_sound() : Status{};
    }
    Status rest();

  private:
    Status put(DeviceInfo& info, std::uint32_t slot, std::uint32_t function, const char* who);
    Status chip(std::uint32_t slot, std::initializer_list<std::uint32_t> functions);
    Status i440fx_controllers();
    Status q35_controllers();
    Status q35_sound();
    Status display();

    Domain& d_;
    Chipset chipset_;
    bool planning_;
};

Status Layout::put(DeviceInfo& info, std::uint32_t slot, std::uint32_t function, const char* who) {
    info.address = Address::pci(0, slot, function);
    return buses.reserve(*info.address, PciNeed::integrated, who);
}

// Functions of the chipset that are no devices of the document.
Status Layout::chip(std::uint32_t slot, std::initializer_list<std::uint32_t> functions) {
    for (const std::uint32_t f : functions) {
        if (buses.function_free(0, slot, f))
            PV_TRY(buses.reserve(Address::pci(0, slot, f), PciNeed::integrated, "the chipset"));
    }
    return {};
}

Status Layout::i440fx_controllers() {
    for (Controller& c : d_.devices.controllers) {
        if (c.index != 0u || is_placed(c.info)) continue;
        if (c.type == ControllerType::ide) PV_TRY(put(c.info, 1, 1, "the IDE controller"));
        if (c.type == ControllerType::usb && c.model == "piix3-uhci")
            PV_TRY(put(c.info, 1, 2, "the USB controller"));
    }
    return chip(1, {0, 1, 2, 3}); // ISA bridge, IDE, USB, power management
}

Status Layout::q35_controllers() {
    for (Controller& c : d_.devices.controllers) {
        if (is_placed(c.info)) continue;
        if (c.type == ControllerType::sata && c.index == 0u)
            PV_TRY(put(c.info, 0x1f, 2, "the SATA controller"));
        // The other parts of the same index follow to the same slot.
        if (c.type == ControllerType::usb && c.model == "ich9-uhci1") {
            for (const std::uint32_t slot : kIch9Slots) {
                if (!is_placed(c.info) && buses.slot_free(0, slot)) {
                    PV_TRY(put(c.info, slot, 0, "a USB controller"));
                    c.info.address->multifunction = OnOff::on;
                }
            }
        }
        if (c.type == ControllerType::pci && c.model == "dmi-to-pci-bridge" &&
            buses.slot_free(0, 0x1e))
            PV_TRY(put(c.info, 0x1e, 0, "a PCI bridge"));
    }
    return chip(0x1f, {0, 3}); // ISA bridge, SMBus
}

// The first display has the board's first free slot, or what there is where that is taken.
Status Layout::display() {
    if (d_.devices.videos.empty()) return {};
    DeviceInfo& info = d_.devices.videos.front().info;
    const std::uint32_t slot = chipset_ == Chipset::q35 ? 1 : 2;
    for (const PciDevice& p : pci_devices(d_, chipset_)) {
        if (p.info != &info || is_placed(info)) continue;
        if (buses.slot_free(0, slot)) return put(info, slot, 0, "the primary video device");
        PV_ASSIGN_OR_RETURN(Address a, buses.assign(p.need, p.who));
        if (!planning_) info.address = a;
    }
    return {};
}

Status Layout::q35_sound() {
    for (Sound& s : d_.devices.sounds) {
        if (s.model == "ich9" && !is_placed(s.info) && buses.slot_free(0, 0x1b))
            PV_TRY(put(s.info, 0x1b, 0, "a sound device"));
    }
    return {};
}

Status Layout::rest() {
    std::map<std::uint32_t, Address> groups; // slots of ICH9 USB controllers by index
    const auto devices = pci_devices(d_, chipset_);
    for (const PciDevice& p : devices) {
        if (p.group && p.info->address && p.info->address->is_pci())
            groups.emplace(*p.group, *p.info->address);
    }
    for (const PciDevice& p : devices) {
        if (is_placed(*p.info)) continue;
        Address a;
        const auto group = p.group ? groups.find(*p.group) : groups.end();
        if (group != groups.end()) {
            a = Address::pci(*group->second.bus, *group->second.slot, *p.function);
            PV_TRY(buses.reserve(a, p.need, p.who));
        } else {
            PV_ASSIGN_OR_RETURN(a, buses.assign(p.need, p.who, p.function.value_or(0)));
            if (p.group) groups.emplace(*p.group, a);
        }
        if (p.function == 0u) a.multifunction = OnOff::on;
        if (!planning_) p.info->address = a;
    }
    return {};
}

void add_controller(Domain& d, std::uint32_t index, std::string_view model) {
    Controller c;
    c.type = ControllerType::pci;
    c.index = index;
    c.model = model;
    d.devices.controllers.push_back(std::move(c));
}

bool has_controller(const Domain& d, std::uint32_t index) {
    return std::any_of(
        d.devices.controllers.begin(), d.devices.controllers.end(),
        [index](const Controller& c) { return c.type == ControllerType::pci && c.index == index; });
}

Status plan(Domain& d, Chipset chipset) {
    Layout layout(d, chipset, PciBuses::Growth::allowed);
    const bool laid_out = layout.buses.size() > 1; // by the user
    PV_TRY(layout.given());
    PV_TRY(layout.board());
    // A slot for a bridge, should it come to that.
    if (chipset == Chipset::i440fx && layout.buses.any_slot_free())
        PV_TRY(layout.buses.assign(PciNeed::pci, "a bridge"));
    PV_TRY(layout.rest());
    if (chipset == Chipset::q35 && !laid_out && layout.buses.size() > 1)
        PV_TRY(layout.buses.assign(PciNeed::pcie, "a device to be plugged in later"));
    for (std::uint32_t i = 1; i < layout.buses.size(); i++) {
        if (has_controller(d, i)) continue;
        const std::string_view model = layout.buses.model(i);
        add_controller(d, i, model);
        PV_TRY(layout.buses.assign(find_pci_model(model)->need, "a PCI controller"));
    }
    return {};
}

// Function 0 says whether there are more in its slot.
void mark_multifunction(Domain& d, Chipset chipset) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, bool> more;
    const auto devices = pci_devices(d, chipset);
    for (const PciDevice& p : devices) {
        if (p.info->address && p.info->address->is_pci() &&
            p.info->address->function.value_or(0) != 0)
            more[{*p.info->address->bus, *p.info->address->slot}] = true;
    }
    for (const PciDevice& p : devices) {
        if (!p.info->address || !p.info->address->is_pci()) continue;
        Address& a = *p.info->address;
        if (a.function.value_or(0) == 0 && a.multifunction == OnOff::unset &&
            more.contains({*a.bus, *a.slot}))
            a.multifunction = OnOff::on;
    }
}

// Buses of expanders are numbered from the last down, as those behind the root count up from 0.
Status number_expander(Domain& d, Controller& c) {
    std::uint32_t lowest = 256;
    for (const Controller& other : d.devices.controllers) {
        if (other.type == ControllerType::pci && other.target.bus_nr)
            lowest = std::min(lowest, *other.target.bus_nr);
    }
    if (lowest <= 2) {
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "No free busNr lower than current lowest busNr is available for the {} "
                          "with index='{}', specify busNr manually",
                          c.model, c.index.value_or(0));
    }
    c.target.bus_nr = lowest - 2;
    return {};
}

// The node whose memory is near an expander's bus is one of the guest's.
Status node_there(const Domain& d, const Controller& c) {
    if (!c.target.node) return {};
    const bool found =
        d.cpu && std::any_of(d.cpu->numa.cells.begin(), d.cpu->numa.cells.end(),
                             [&](const NumaCell& cell) { return cell.id == c.target.node; });
    if (found) return {};
    return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                      "{} with index {} is configured for a NUMA node ({}) not present in the "
                      "domain's <cpu><numa>",
                      c.model, c.index.value_or(0), *c.target.node);
}

Status fill_options(Domain& d, Controller& c) {
    const PciModel* model = find_pci_model(c.model);
    if (model == nullptr) return {};
    const std::uint32_t index = c.index.value_or(0);
    const Address* a = c.info.address && c.info.address->is_pci() ? &*c.info.address : nullptr;
    if (c.pci_model_name.empty()) c.pci_model_name = model->emulator;
    switch (model->need) {
    case PciNeed::root_port:
    case PciNeed::switch_downstream:
        if (!c.target.chassis) c.target.chassis = index;
        if (!c.target.port && a != nullptr)
            c.target.port = model->need == PciNeed::root_port
                                ? (*a->slot << 3) | a->function.value_or(0)
                                : *a->slot;
        return {};
    case PciNeed::pci_bridge:
        if (!c.target.chassis_nr) c.target.chassis_nr = index;
        if (a != nullptr && *a->bus >= index && index != 0)
            return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                              "PCI controller at index {} has bus='{}', but the index must be "
                              "larger than the bus",
                              index, *a->bus);
        return {};
    case PciNeed::expander:
    case PciNeed::pcie_expander:
        PV_TRY(node_there(d, c));
        return c.target.bus_nr ? Status{} : number_expander(d, c);
    default: return {};
    }
}

} // namespace

Status assign_pci(Domain& d) {
    const Chipset chipset = chipset_of(d);
    if (chipset == Chipset::other) return {};
    PV_TRY(plan(d, chipset));
    Layout layout(d, chipset, PciBuses::Growth::fixed);
    PV_TRY(layout.given());
    PV_TRY(layout.board());
    PV_TRY(layout.rest());
    mark_multifunction(d, chipset);
    for (Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::pci) PV_TRY(fill_options(d, c));
    }
    return {};
}

} // namespace polyvirt::sdk::domain
