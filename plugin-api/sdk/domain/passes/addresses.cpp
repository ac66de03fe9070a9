// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// PCI addresses. First what stands in the document is reserved, then what the board dictates, then
// the rest in a fixed order of kinds, so that the same document always gets the same addresses.
#include <algorithm>
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"
#include "sdk/domain/passes/defaults.h"
#include "sdk/domain/passes/pci.h"
#include "sdk/domain/passes/visit.h"
#include "sdk/xml/parse.h"

namespace polyvirt::sdk::domain {
namespace {

struct Candidate {
    DeviceInfo* info;
    PciNeed need;
    const char* who;
};

bool placed(const DeviceInfo& info) {
    return info.address && (info.address->type != AddressType::pci || info.address->is_pci());
}

void complete_partial(Domain& d) {
    for_each_info(d, [](DeviceInfo& info, std::string_view) {
        if (!info.address)
            return;
        Address& a = *info.address;
        auto zero = [](Number& n) { n = n.value_or(0); };
        if (a.type == AddressType::pci && (a.bus || a.slot || a.function)) {
            zero(a.domain), zero(a.bus), zero(a.slot), zero(a.function);
        } else if (a.type == AddressType::drive) {
            zero(a.controller), zero(a.bus), zero(a.target), zero(a.unit);
        } else if (a.type == AddressType::virtio_serial) {
            zero(a.controller), zero(a.bus);
        } else if (a.type == AddressType::usb) {
            zero(a.bus);
        }
    });
}

bool virtio_like(std::string_view model) {
    return model.rfind("virtio", 0) == 0 && model != "virtio-transitional";
}

PciNeed express_if(bool express, Chipset chipset) {
    return express && chipset == Chipset::q35 ? PciNeed::pcie : PciNeed::pci;
}

PciNeed need_of_interface(const Interface& i, Chipset chipset) {
    return express_if(virtio_like(i.model) || i.model == "e1000e" || i.model == "vmxnet3" ||
                          i.type == InterfaceType::hostdev,
                      chipset);
}

struct Ich9 {
    const char* model;
    std::uint32_t function;
};
constexpr Ich9 kIch9[] = {{"ich9-ehci1", 7}, {"ich9-ehci2", 7}, {"ich9-uhci1", 0},
                          {"ich9-uhci2", 1}, {"ich9-uhci3", 2}, {"ich9-uhci4", 0},
                          {"ich9-uhci5", 1}, {"ich9-uhci6", 2}};
const Ich9* ich9_part(const Controller& c) {
    for (const Ich9& part : kIch9) {
        if (c.model == part.model)
            return &part;
    }
    return nullptr;
}

// Collects what needs an address and has none, in the order in which they are given out.
class Collector {
  public:
    Collector(Domain& d, Chipset chipset) : d_(d), chipset_(chipset) {}

    std::vector<Candidate> run() {
        auto& v = d_.devices;
        for (Filesystem& f : v.filesystems)
            add(f.info, express_if(f.model != "virtio-transitional", chipset_), "a filesystem");
        for (Interface& i : v.interfaces)
            add(i.info, need_of_interface(i, chipset_), "an interface");
        for (Sound& s : v.sounds) {
            if (s.model != "pcspk" && s.model != "sb16" && s.model != "usb")
                add(s.info, PciNeed::pci, "a sound device");
        }
        for (Controller& c : v.controllers)
            controller(c);
        for (Disk& disk : v.disks) {
            if (disk.target.bus == DiskBus::virtio)
                add(disk.info, express_if(disk.model != VirtioModel::transitional, chipset_),
                    "a virtio disk");
        }
        for (Hostdev& h : v.hostdevs) {
            if (h.type == "pci" || h.type == "mdev" || h.type == "scsi_host")
                add(h.info, express_if(h.model != "virtio-transitional", chipset_),
                    "a host device");
        }
        if (v.memballoon && v.memballoon->model.rfind("virtio", 0) == 0)
            add(v.memballoon->info, express_if(virtio_like(v.memballoon->model), chipset_),
                "the memballoon");
        for (Rng& r : v.rngs)
            add(r.info, express_if(virtio_like(r.model), chipset_), "a random number generator");
        for (Watchdog& w : v.watchdogs) {
            if (w.model == "i6300esb")
                add(w.info, PciNeed::pci, "a watchdog");
        }
        for (std::size_t i = 0; i < v.videos.size(); i++) {
            const std::string& model = v.videos[i].model.type;
            if (model != "none" && model != "ramfb")
                add(v.videos[i].info, express_if(model == "virtio", chipset_), "a video device");
        }
        for (Input& i : v.inputs) {
            if (i.bus == InputBus::virtio)
                add(i.info, express_if(i.model != VirtioModel::transitional, chipset_),
                    "an input device");
        }
        for (Shmem& s : v.shmems)
            add(s.info, PciNeed::pci, "shared memory");
        for (MemoryDevice& m : v.memories) {
            if (m.model.rfind("virtio", 0) == 0)
                add(m.info, express_if(true, chipset_), "a memory device");
        }
        for (Crypto& c : v.cryptos)
            add(c.info, express_if(true, chipset_), "a crypto device");
        if (v.vsock)
            add(v.vsock->info, express_if(v.vsock->model != "virtio-transitional", chipset_), "vsock");
        if (v.iommu && v.iommu->model == "virtio")
            add(v.iommu->info, PciNeed::integrated, "the IOMMU");
        for (Chardev& s : v.serials) {
            if (s.target.type == "pci-serial")
                add(s.info, PciNeed::pci, "a serial device");
        }
        return std::move(out_);
    }

  private:
    void add(DeviceInfo& info, PciNeed need, const char* who) {
        if (!placed(info))
            out_.push_back({&info, need, who});
    }
    void controller(Controller& c) {
        switch (c.type) {
        case ControllerType::usb:
            if (c.model == "none")
                return;
            return add(c.info,
                       express_if(c.model == "qemu-xhci" || c.model == "nec-xhci", chipset_),
                       "a USB controller");
        case ControllerType::scsi:
            return add(c.info, express_if(virtio_like(c.model), chipset_), "a SCSI controller");
        case ControllerType::sata:
            return add(c.info, PciNeed::pci, "a SATA controller");
        case ControllerType::virtio_serial:
            return add(c.info, express_if(true, chipset_), "a virtio-serial controller");
        case ControllerType::ide:
            // Only the board's own is wired; a second one has no place to be.
            return;
        default:
            return;
        }
    }

    Domain& d_;
    Chipset chipset_;
    std::vector<Candidate> out_;
};

// Companions of an ICH9 USB controller are functions of one slot; multifunction is said at function
// 0.
void place_ich9_group(Domain& d, const Controller& leader, const Address& slot) {
    for (Controller& c : d.devices.controllers) {
        if (c.type != ControllerType::usb || c.index != leader.index || placed(c.info))
            continue;
        if (const Ich9* part = ich9_part(c)) {
            c.info.address = Address::pci(*slot.bus, *slot.slot, part->function);
            if (part->function == 0)
                c.info.address->multifunction = OnOff::on;
        }
    }
}

// Where the user placed a part, the others join it.
void join_ich9_groups(Domain& d) {
    for (std::size_t i = 0; i < d.devices.controllers.size(); i++) {
        const Controller& c = d.devices.controllers[i];
        if (c.type == ControllerType::usb && ich9_part(c) && placed(c.info))
            place_ich9_group(d, c, Address(*c.info.address));
    }
}

Status put(PciBuses& buses, DeviceInfo& info, std::uint32_t slot, std::uint32_t function,
           const char* who) {
    info.address = Address::pci(0, slot, function);
    return buses.reserve(*info.address, PciNeed::integrated, who);
}

// The board's own devices have fixed places: the chipset's slots, and the first display's.
Status place_board(Domain& d, PciBuses& buses, Chipset chipset) {
    for (Controller& c : d.devices.controllers) {
        if (c.index != 0u || placed(c.info))
            continue;
        if (chipset == Chipset::i440fx && c.type == ControllerType::ide)
            PV_TRY(put(buses, c.info, 1, 1, "the IDE controller"));
        if (chipset == Chipset::i440fx && c.type == ControllerType::usb && c.model == "piix3-uhci")
            PV_TRY(put(buses, c.info, 1, 2, "the USB controller"));
        if (chipset == Chipset::q35 && c.type == ControllerType::sata)
            PV_TRY(put(buses, c.info, 0x1f, 2, "the SATA controller"));
    }
    // What else sits on those chips: ISA bridge and power management, SMBus.
    const std::uint32_t chip = chipset == Chipset::q35 ? 0x1f : 1;
    for (std::uint32_t f = 0; f < 8; f++) {
        if (buses.function_free(0, chip, f))
            PV_TRY(buses.reserve(Address::pci(0, chip, f), PciNeed::integrated, "the chipset"));
    }
    auto& videos = d.devices.videos;
    const std::uint32_t display = chipset == Chipset::q35 ? 1 : 2;
    if (!videos.empty() && !placed(videos[0].info) && videos[0].model.type != "none" &&
        videos[0].model.type != "ramfb" && buses.slot_free(0, display))
        PV_TRY(put(buses, videos[0].info, display, 0, "the primary video device"));
    if (chipset == Chipset::q35) {
        for (std::size_t i = 0; i < d.devices.controllers.size(); i++) {
            const Controller& c = d.devices.controllers[i];
            if (c.type != ControllerType::usb || !ich9_part(c) || placed(c.info))
                continue;
            for (const std::uint32_t slot : {0x1du, 0x1au}) {
                if (placed(c.info) || !buses.slot_free(0, slot))
                    continue;
                place_ich9_group(d, c, Address::pci(0, slot, 0));
                for (const Controller& part : d.devices.controllers) {
                    if (part.type == ControllerType::usb && part.index == c.index &&
                        part.info.address->slot == slot)
                        PV_TRY(buses.reserve(*part.info.address, PciNeed::integrated,
                                             "a USB controller"));
                }
            }
        }
        for (Sound& s : d.devices.sounds) {
            if (s.model == "ich9" && !placed(s.info) && buses.slot_free(0, 0x1b))
                PV_TRY(put(buses, s.info, 0x1b, 0, "a sound device"));
        }
    }
    return {};
}

PciNeed need_of(const Domain& d, const DeviceInfo& info) {
    for (const Controller& c : d.devices.controllers) {
        if (&c.info == &info && c.type == ControllerType::pci)
            return need_of_controller(c);
    }
    return PciNeed::pci;
}

// An address names its bus; one that no controller of the document makes is added, so that a guest
// may name buses only in its devices.
Status reserve_given(Domain& d, PciBuses& buses) {
    Status status;
    for_each_info(d, [&](DeviceInfo& info, std::string_view who) {
        if (!status || !info.address || !info.address->is_pci())
            return;
        status = buses.reserve(*info.address, need_of(d, info), who);
    });
    return status;
}

void settle(Domain& d, const Candidate& candidate, const Address& place) {
    for (const Controller& c : d.devices.controllers) {
        if (&c.info == candidate.info && c.type == ControllerType::usb && ich9_part(c))
            return place_ich9_group(d, c, place);
    }
    candidate.info->address = place;
}

Status assign_pci(Domain& d) {
    const Chipset chipset = chipset_of(d);
    if (chipset == Chipset::other)
        return {};
    PciBuses buses(d, chipset);
    join_ich9_groups(d);
    PV_TRY(reserve_given(d, buses));
    PV_TRY(place_board(d, buses, chipset));
    // Adding controllers moves them in memory, so that candidates are found anew after each growth.
    while (true) {
        auto all = Collector(d, chipset).run();
        if (all.empty())
            break;
        const std::size_t before = d.devices.controllers.size();
        for (const Candidate& c : all) {
            if (placed(*c.info))
                continue; // with the leader of its group
            PV_ASSIGN_OR_RETURN(Address a, buses.assign(c.need, c.who));
            if (d.devices.controllers.size() != before)
                all = {};
            if (all.empty()) {
                // `c` may be gone with the list that it points into; the place goes to the same
                // device again.
                auto again = Collector(d, chipset).run();
                if (!again.empty())
                    settle(d, again.front(), a);
                break;
            }
            settle(d, c, a);
        }
    }
    // One port is left free for a device that is plugged in later, unless the user laid out the
    // buses.
    if (chipset == Chipset::q35 && buses.configured() == 0 && buses.grew())
        PV_TRY(buses.assign(PciNeed::pcie, "a device to be plugged in later"));
    return buses.place_controllers();
}

} // namespace

Status assign_addresses(Domain& d) {
    complete_partial(d);
    assign_virtio_serial(d);
    PV_TRY(assign_usb(d));
    PV_TRY(check_drives(d));
    return assign_pci(d);
}

} // namespace polyvirt::sdk::domain
