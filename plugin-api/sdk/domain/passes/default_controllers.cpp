// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

class Controllers {
  public:
    explicit Controllers(Domain& d) : list_(d.devices.controllers) {}

    [[nodiscard]] Controller* find(ControllerType type, std::uint32_t index) const {
        for (Controller& c : list_) {
            if (c.type == type && c.index == index) return &c;
        }
        return nullptr;
    }
    [[nodiscard]] bool any(ControllerType type) const {
        return std::any_of(list_.begin(), list_.end(), [type](const Controller& c) { return c.type == type; });
    }
    void add(ControllerType type, std::uint32_t index, std::string model = {}) {
        Controller c;
        c.type = type;
        c.index = index;
        c.model = std::move(model);
        list_.push_back(std::move(c));
    }
    // 0 .. index, as an address may name only the last.
    void need(ControllerType type, std::uint32_t index) {
        constexpr std::uint32_t kMost = 1024; // an address is the user's; it must not cost memory without bound
        for (std::uint32_t i = 0; i <= std::min(index, kMost); i++) {
            if (!find(type, i)) add(type, i);
        }
    }
    void number() {
        for (Controller& c : list_) {
            if (c.index) continue;
            std::uint32_t i = 0;
            while (find(c.type, i)) i++;
            c.index = i;
        }
    }

  private:
    std::vector<Controller>& list_;
};

std::string default_usb_model(Chipset chipset) { return chipset == Chipset::q35 ? "qemu-xhci" : "piix3-uhci"; }

void machine_controllers(Domain& d, Controllers& all) {
    const Chipset chipset = chipset_of(d);
    if (chipset == Chipset::other) return;
    if (!all.any(ControllerType::usb)) all.add(ControllerType::usb, 0);
    if (chipset == Chipset::q35) all.need(ControllerType::sata, 0);
    const std::string root = chipset == Chipset::q35 ? "pcie-root" : "pci-root";
    if (!all.find(ControllerType::pci, 0)) all.add(ControllerType::pci, 0, root);
}

void device_controllers(Domain& d, Controllers& all) {
    for (const Disk& disk : d.devices.disks) {
        if (!disk.info.address || disk.info.address->type != AddressType::drive) continue;
        const std::uint32_t index = disk.info.address->controller.value_or(0);
        switch (disk.target.bus) {
        case DiskBus::ide: all.need(ControllerType::ide, index); break;
        case DiskBus::scsi: all.need(ControllerType::scsi, index); break;
        case DiskBus::sata: all.need(ControllerType::sata, index); break;
        case DiskBus::fdc: all.need(ControllerType::fdc, index); break;
        default: break;
        }
    }
    auto serial_port = [&](const Chardev& c) {
        if (c.target.type != "virtio") return;
        const bool placed = c.info.address && c.info.address->type == AddressType::virtio_serial;
        all.need(ControllerType::virtio_serial, placed ? c.info.address->controller.value_or(0) : 0);
    };
    std::for_each(d.devices.channels.begin(), d.devices.channels.end(), serial_port);
    std::for_each(d.devices.consoles.begin(), d.devices.consoles.end(), serial_port);
    for (const xml::Node& n : d.devices.kept) {
        if (n.name == "smartcard") all.need(ControllerType::ccid, 0);
    }
}

Status default_models(Domain& d) {
    const Chipset chipset = chipset_of(d);
    const std::string root = chipset == Chipset::q35 ? "pcie-root" : "pci-root";
    for (Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::usb && c.model.empty()) c.model = default_usb_model(chipset);
        if (c.type == ControllerType::scsi && (c.model.empty() || c.model == "auto")) c.model = "lsilogic";
        if (c.type == ControllerType::pci && c.index == 0u && c.model != root && chipset != Chipset::other)
            return make_error(ErrorCode::xml_error, ErrorDomain::qemu,
                              "The PCI controller with index='0' must be model='{}' for this machine type, but model='{}' "
                              "was found instead", root, c.model);
    }
    return {};
}

} // namespace

Status default_controllers(Domain& d) {
    Controllers all(d);
    all.number();
    machine_controllers(d, all);
    device_controllers(d, all);
    return default_models(d);
}

} // namespace polyvirt::sdk::domain
