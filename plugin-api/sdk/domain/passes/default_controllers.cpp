// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/addresses.h"
#include "sdk/domain/passes/defaults.h"
#include "sdk/domain/passes/pci_devices.h"

namespace polyvirt::sdk::domain {
namespace {

class Controllers {
  public:
    explicit Controllers(Domain& d) : list_(d.devices.controllers) {}

    [[nodiscard]] Controller* find(ControllerType type, std::uint32_t index) const {
        for (Controller& c : list_) {
            if (c.type == type && c.index == index)
                return &c;
        }
        return nullptr;
    }
    [[nodiscard]] bool any(ControllerType type) const {
        return std::any_of(list_.begin(), list_.end(),
                           [type](const Controller& c) { return c.type == type; });
    }
    void add(ControllerType type, std::uint32_t index, std::string model = {}) {
        Controller c;
        c.type = type;
        c.index = index;
        c.model = std::move(model);
        list_.push_back(std::move(c));
    }
    // 0 .. index, as an address may name only the last.
    // Error: an index that no machine has room for; a number in an address must not cost memory.
    Status need(ControllerType type, std::uint32_t index) {
        constexpr std::uint32_t kMost = 255;
        if (index > kMost)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                              "an address names {} controller {}, the highest possible is {}",
                              kControllerTypes[static_cast<int>(type)], index, kMost);
        for (std::uint32_t i = 0; i <= index; i++) {
            if (!find(type, i))
                add(type, i);
        }
        return {};
    }
    // What has no index gets the first free one; parts of one ICH9 USB controller share theirs.
    void number() {
        const Controller* last_usb = nullptr;
        for (Controller& c : list_) {
            if (!c.index) {
                if (c.type == ControllerType::usb && last_usb && shares_index(c, *last_usb)) {
                    c.index = last_usb->index;
                } else {
                    std::uint32_t i = 0;
                    while (find(c.type, i))
                        i++;
                    c.index = i;
                }
            }
            if (c.type == ControllerType::usb)
                last_usb = &c;
        }
    }
  private:
    static bool is_ich9(const Controller& c) { return c.model.rfind("ich9-", 0) == 0; }
    [[nodiscard]] bool shares_index(const Controller& c, const Controller& before) const {
        if (!is_ich9(c) || !is_ich9(before))
            return false;
        return std::none_of(list_.begin(), list_.end(), [&](const Controller& o) {
            return o.type == ControllerType::usb && o.index == before.index && o.model == c.model;
        });
    }

    std::vector<Controller>& list_;
};

// Each has its place on a PCI bus, the root is there: what passes added once stands at the end of the list,
// as it does at the peer, and stays there.
bool completed_before(Domain& d, const Controllers& all) {
    const Chipset chipset = chipset_of(d);
    const auto& list = d.devices.controllers;
    if (chipset == Chipset::other || all.find(ControllerType::pci, 0) == nullptr)
        return false;
    const auto devices = pci_devices(d, chipset);
    return std::all_of(devices.begin(), devices.end(), [&](const PciDevice& p) {
        const bool controller = std::any_of(list.begin(), list.end(), [&](const Controller& c) { return &c.info == p.info; });
        return !controller || is_placed(*p.info);
    });
}

std::string default_usb_model(Chipset chipset) {
    return chipset == Chipset::q35 ? "qemu-xhci" : "piix3-uhci";
}

Status machine_controllers(Domain& d, Controllers& all) {
    const Chipset chipset = chipset_of(d);
    if (chipset == Chipset::other)
        return {};
    if (!all.any(ControllerType::usb))
        all.add(ControllerType::usb, 0);
    if (chipset == Chipset::q35)
        PV_TRY(all.need(ControllerType::sata, 0));
    const std::string root = chipset == Chipset::q35 ? "pcie-root" : "pci-root";
    if (!all.find(ControllerType::pci, 0))
        all.add(ControllerType::pci, 0, root);
    return {};
}

Status device_controllers(Domain& d, Controllers& all) {
    for (const Disk& disk : d.devices.disks) {
        if (!disk.info.address || disk.info.address->type != AddressType::drive)
            continue;
        const std::uint32_t index = disk.info.address->controller.value_or(0);
        switch (disk.target.bus) {
        case DiskBus::ide:
            PV_TRY(all.need(ControllerType::ide, index));
            break;
        case DiskBus::scsi:
            PV_TRY(all.need(ControllerType::scsi, index));
            break;
        case DiskBus::sata:
            PV_TRY(all.need(ControllerType::sata, index));
            break;
        case DiskBus::fdc:
            PV_TRY(all.need(ControllerType::fdc, index));
            break;
        default:
            break;
        }
    }
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.type == "scsi" && h.info.address && h.info.address->type == AddressType::drive)
            PV_TRY(all.need(ControllerType::scsi, h.info.address->controller.value_or(0)));
    }
    auto serial_port = [&](const Chardev& c) {
        if (c.target.type != "virtio")
            return;
        // Without an address it goes to the first controller, which is made if need be even where the
        // document has others.
        const bool placed = c.info.address && c.info.address->type == AddressType::virtio_serial;
        const std::uint32_t index = placed ? c.info.address->controller.value_or(0) : 0;
        if (all.find(ControllerType::virtio_serial, index) == nullptr)
            all.add(ControllerType::virtio_serial, index);
    };
    std::for_each(d.devices.channels.begin(), d.devices.channels.end(), serial_port);
    std::for_each(d.devices.consoles.begin(), d.devices.consoles.end(), serial_port);
    if (!d.devices.smartcards.empty())
        PV_TRY(all.need(ControllerType::ccid, 0));
    return {};
}

Status default_models(Domain& d) {
    const Chipset chipset = chipset_of(d);
    const std::string root = chipset == Chipset::q35 ? "pcie-root" : "pci-root";
    for (Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::usb && c.model.empty())
            c.model = default_usb_model(chipset);
        if (c.type == ControllerType::usb && c.model.rfind("ich9-uhci", 0) == 0 &&
            !c.master.startport) {
            const char n = c.model.back(); // the companions share the master's ports two by two
            if (n >= '1' && n <= '3')
                c.master.startport = static_cast<std::uint32_t>(n - '1') * 2;
        }
        if (c.type == ControllerType::scsi && (c.model.empty() || c.model == "auto"))
            c.model = "lsilogic";
        if (c.type == ControllerType::pci && c.index == 0u && c.model != root &&
            chipset != Chipset::other)
            return make_error(ErrorCode::xml_error, ErrorDomain::qemu,
                              "The PCI controller with index='0' must be model='{}' for this "
                              "machine type, but model='{}' "
                              "was found instead",
                              root, c.model);
    }
    return {};
}

} // namespace

Status default_controllers(Domain& d) {
    Controllers all(d);
    if (!completed_before(d, all))
        order_controllers(d.devices.controllers);
    all.number();
    PV_TRY(machine_controllers(d, all));
    PV_TRY(device_controllers(d, all));
    return default_models(d);
}

} // namespace polyvirt::sdk::domain
