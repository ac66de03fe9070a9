// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes/pci_devices.h"

#include <utility>

namespace polyvirt::sdk::domain {
namespace {

constexpr std::pair<std::string_view, std::uint32_t> kIch9Parts[] = {
    {"ich9-ehci1", 7}, {"ich9-ehci2", 7}, {"ich9-uhci1", 0}, {"ich9-uhci2", 1},
    {"ich9-uhci3", 2}, {"ich9-uhci4", 0}, {"ich9-uhci5", 1}, {"ich9-uhci6", 2}};

class Collector {
  public:
    Collector(Domain& d, Chipset chipset)
        : v_(d.devices), express_(chipset == Chipset::q35 ? PciNeed::pcie : PciNeed::pci) {}

    std::vector<PciDevice> run() {
        for (Controller& c : v_.controllers) {
            if (c.type == ControllerType::pci && c.index != 0u)
                out_.push_back({&c.info, need_of_controller(c), "a PCI controller", {}, {}});
        }
        for (Filesystem& f : v_.filesystems) add(f.info, modern(f.model), "a filesystem");
        for (Interface& i : v_.interfaces)
            if (i.type != InterfaceType::hostdev) interface(i);
        for (Sound& s : v_.sounds) {
            if (s.model != "pcspk" && s.model != "sb16" && s.model != "usb")
                add(s.info, false, "a sound device");
        }
        for (Controller& c : v_.controllers) controller(c);
        for (Disk& disk : v_.disks) {
            if (disk.target.bus == DiskBus::virtio)
                add(disk.info, disk.model != VirtioModel::transitional, "a virtio disk");
        }
        of_host();
        small();
        return std::move(out_);
    }

  private:
    static bool modern(std::string_view model) { return model != "virtio-transitional"; }
    static bool virtio(std::string_view model) { return model.rfind("virtio", 0) == 0; }

    void add(DeviceInfo& info, bool express, const char* who) {
        out_.push_back({&info, express ? express_ : PciNeed::pci, who, {}, {}});
    }
    void interface(Interface& i) {
        if (i.model == "usb-net" || i.model == "spapr-vlan") return;
        const bool express = (virtio(i.model) && modern(i.model)) || i.model == "e1000e" ||
                             i.model == "vmxnet3" || i.type == InterfaceType::hostdev;
        add(i.info, express, "an interface");
    }
    void controller(Controller& c) {
        switch (c.type) {
        case ControllerType::usb: return usb(c);
        case ControllerType::scsi:
            return add(c.info, virtio(c.model) && modern(c.model), "a SCSI controller");
        case ControllerType::sata: return add(c.info, false, "a SATA controller");
        case ControllerType::virtio_serial:
            return add(c.info, modern(c.model), "a virtio-serial controller");
        default: // IDE: only the board's own is wired, a second one has no place to be
            return;
        }
    }
    void usb(Controller& c) {
        if (c.model == "none") return;
        add(c.info, c.model == "qemu-xhci" || c.model == "nec-xhci", "a USB controller");
        for (const auto& [model, function] : kIch9Parts) {
            if (c.model == model) {
                out_.back().function = function;
                out_.back().group = c.index;
            }
        }
    }
    void of_host() {
        for (Interface& i : v_.interfaces)
            if (i.type == InterfaceType::hostdev) interface(i);
        for (Hostdev& h : v_.hostdevs) {
            if (h.mode == "subsystem" &&
                (h.type == "pci" || h.type == "scsi_host" ||
                 (h.type == "mdev" && (h.model.empty() || h.model == "vfio-pci"))))
                add(h.info, modern(h.model), "a host device");
        }
    }
    void small() {
        if (v_.memballoon && virtio(v_.memballoon->model))
            add(v_.memballoon->info, modern(v_.memballoon->model), "the memballoon");
        for (Rng& r : v_.rngs) add(r.info, modern(r.model), "a random number generator");
        for (Watchdog& w : v_.watchdogs)
            if (w.model == "i6300esb") add(w.info, false, "a watchdog");
        for (Video& x : v_.videos) {
            if (x.model.type != "none" && x.model.type != "ramfb")
                add(x.info, x.model.type == "virtio", "a video device");
        }
        for (Shmem& s : v_.shmems) add(s.info, false, "shared memory");
        for (Input& i : v_.inputs) {
            if (i.bus == InputBus::virtio)
                add(i.info, i.model != VirtioModel::transitional, "an input device");
        }
        for (Chardev& s : v_.serials) {
            if (s.target.type == "pci-serial") add(s.info, false, "a serial device");
        }
        if (v_.vsock) add(v_.vsock->info, modern(v_.vsock->model), "vsock");
        for (MemoryDevice& m : v_.memories)
            if (virtio(m.model)) add(m.info, true, "a memory device");
        for (Crypto& c : v_.cryptos) add(c.info, true, "a crypto device");
        if (v_.iommu && v_.iommu->model == "virtio")
            out_.push_back({&v_.iommu->info, PciNeed::integrated, "the IOMMU", {}, {}});
    }

    Devices& v_;
    PciNeed express_;
    std::vector<PciDevice> out_;
};

} // namespace

std::vector<PciDevice> pci_devices(Domain& d, Chipset chipset) {
    return Collector(d, chipset).run();
}

bool is_placed(const DeviceInfo& info) {
    return info.address && (info.address->type != AddressType::pci || info.address->is_pci());
}

} // namespace polyvirt::sdk::domain
