// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "command/command.h"

#include "command/builder.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {

std::string CommandLine::to_string() const {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%";
    std::string text;
    const auto add = [&](const std::string& word) {
        if (!text.empty()) text += ' ';
        if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
            text += word;
            return;
        }
        text += '\'';
        for (const char c : word) {
            if (c == '\'') text += "'\\''";
            else text += c;
        }
        text += '\'';
    };
    for (const auto& e : env) add(e);
    for (const auto& a : args) add(a);
    return text;
}

std::string Builder::value(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == ',') out += ',';
    }
    return out;
}

void Builder::add_pci(Options& device, const sdk::domain::DeviceInfo& info) const {
    if (!info.address || !info.address->is_pci()) return;
    const sdk::domain::Address& a = *info.address;
    const std::uint32_t bus = a.bus.value_or(0);
    device["bus"] = controller(sdk::domain::ControllerType::pci, bus);
    if (a.multifunction == sdk::domain::OnOff::on) device["multifunction"] = true;
    if (a.multifunction == sdk::domain::OnOff::off) device["multifunction"] = false;
    device["addr"] = a.function.value_or(0) == 0 ? fmt::format("{:#x}", a.slot.value_or(0))
                                                 : fmt::format("{:#x}.{:#x}", a.slot.value_or(0), *a.function);
}

void Builder::add_usb(Options& device, const sdk::domain::DeviceInfo& info) const {
    if (!info.address || info.address->type != sdk::domain::AddressType::usb) return;
    const std::uint32_t bus = info.address->bus.value_or(0);
    std::string name = fmt::format("usb{}", bus);
    for (const auto& c : domain.devices.controllers) {
        if (c.type == sdk::domain::ControllerType::usb && c.index == bus && !c.info.alias.name.empty()) {
            name = c.info.alias.name;
            break;
        }
    }
    device["bus"] = name + ".0";
    if (!info.address->port.empty()) device["port"] = info.address->port;
}

void Builder::tls(const std::string& id, const Protection& p, bool server) {
    json("-object", {{"qom-type", "tls-creds-x509"}, {"id", id}, {"dir", p.certificates}, {"endpoint", server ? "server" : "client"},
                     {"verify-peer", !server || p.verify}});
}

void Builder::add_virtio(Options& device, const sdk::domain::VirtioOptions& v) {
    using sdk::domain::OnOff;
    const std::pair<const char*, OnOff> options[] = {
        {"iommu_platform", v.iommu}, {"ats", v.ats}, {"packed", v.packed}, {"page-per-vq", v.page_per_vq}};
    for (const auto& [name, value] : options) {
        if (value != OnOff::unset) device[name] = value == OnOff::on;
    }
}

void Builder::add_rom(Options& device, const sdk::domain::Rom& rom) {
    using namespace sdk::domain;
    if (rom.enabled == YesNo::no) {
        device["romfile"] = "";
        return;
    }
    if (rom.bar != OnOff::unset) device["rombar"] = rom.bar == OnOff::on ? 1 : 0;
    if (!rom.file.empty()) device["romfile"] = rom.file;
}

std::string Builder::virtio_driver(std::string_view name, sdk::domain::VirtioModel model) {
    return virtio_driver(name, sdk::domain::kVirtioModels[static_cast<std::size_t>(model)]);
}

std::string Builder::virtio_driver(std::string_view name, std::string_view model) {
    if (model == "virtio-transitional") return fmt::format("{}-pci-transitional", name);
    if (model == "virtio-non-transitional") return fmt::format("{}-pci-non-transitional", name);
    return fmt::format("{}-pci", name);
}

std::string Builder::controller(sdk::domain::ControllerType type, std::uint32_t index) const {
    using sdk::domain::Chipset;
    using sdk::domain::ControllerType;
    const Chipset chipset = chipset_of(domain);
    if (index == 0 && type == ControllerType::pci) return chipset == Chipset::q35 ? "pcie.0" : "pci.0";
    if (index == 0 && type == ControllerType::ide && chipset == Chipset::i440fx) return "ide";
    if (index == 0 && type == ControllerType::sata && chipset == Chipset::q35) return "ide";
    for (const auto& c : domain.devices.controllers) {
        if (c.type == type && c.index == index && !c.info.alias.name.empty()) return c.info.alias.name;
    }
    if (type == ControllerType::pci) return fmt::format("pci.{}", index);
    return fmt::format("{}{}", sdk::domain::kControllerTypes[static_cast<std::size_t>(type)], index);
}

void Builder::add_boot(Options& device, const sdk::domain::DeviceInfo& info, sdk::domain::BootDevice kind,
                       bool first_of_kind) const {
    if (info.boot.order) {
        device["bootindex"] = *info.boot.order;
        return;
    }
    if (!first_of_kind) return;
    for (std::size_t i = 0; i < domain.os.boot.size(); i++) {
        if (domain.os.boot[i].dev == kind) {
            device["bootindex"] = i + 1;
            return;
        }
    }
}

namespace {

using sdk::domain::Domain;

// A document whose devices ask for more than this version can give is not started with less; what a device alone can say is
// refused where it is made, which is also where one is plugged in. What is kept beside the devices (tuning, metadata of others) is
// no hardware, and no promise to the guest.
Status refuse_unknown(const Domain& d, bool sketch) {
    const auto& v = d.devices;
    if (!v.nvrams.empty()) return Builder::unsupported("nvram device is only supported for PPC64");
    if (!v.leases.empty() && !sketch) return Builder::unsupported("domain '{}': leases are not supported by this version", d.name);
    return {};
}

} // namespace

Result<CommandLine> build_command(const sdk::domain::Domain& domain, const CommandContext& context) {
    Builder b(domain, context);
    PV_TRY(refuse_unknown(domain, context.sketch));
    PV_TRY(check_placement(b));
    b.arg(domain.devices.emulator);
    using Part = Status (*)(Builder&);
    for (const Part part : {add_machine, add_board_end, add_iommu, add_controllers, add_memory_modules, add_disks,
                            add_filesystems, add_interfaces, add_smartcards, add_chardevs, add_tpms, add_inputs, add_graphics,
                            add_videos, add_sounds, add_watchdogs, add_redirdevs, add_hostdevs, add_others, add_shmems, add_last})
        PV_TRY(part(b));
    for (const auto& e : domain.qemu_commandline.env) b.line.env.push_back(e.name + "=" + e.value);
    for (const auto& a : domain.qemu_commandline.args) b.arg(a.value);
    if (context.seccomp) b.arg("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    b.arg("-msg", "timestamp=on");
    return std::move(b.line);
}

} // namespace polyvirt::qemu
