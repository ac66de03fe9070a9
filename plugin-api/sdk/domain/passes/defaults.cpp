// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the peer adds to a guest that says only what its user cares about. The order of steps
// matters: the machine decides about the devices, the devices about the controllers.
#include <algorithm>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

Error unsupported(std::string text) {
    return make_error_text(ErrorCode::config_unsupported, ErrorDomain::domain, std::move(text));
}

Status default_machine(Domain& d, const HostContext& context) {
    OsType& type = d.os.type;
    if (type.type.empty())
        return make_error(ErrorCode::os_type, ErrorDomain::domain,
                          "<os> has no <type>, expected 'hvm' or 'exe'");
    if (type.arch.empty())
        type.arch = context.arch;
    if (type.machine.empty())
        type.machine = context.default_machine;
    const std::string found = context.emulator ? context.emulator(type.arch) : std::string();
    if (d.devices.emulator.empty())
        d.devices.emulator = found;
    if (d.devices.emulator.empty())
        return unsupported(
            fmt::format("no emulator for domain type '{}' on architecture '{}' is installed",
                        d.type, type.arch));
    if (!context.canonical_machine || type.machine.empty())
        return {};
    const std::string canonical = context.canonical_machine(type.arch, type.machine);
    if (canonical.empty())
        return unsupported(fmt::format("Emulator '{}' does not support machine type '{}'",
                                       d.devices.emulator, type.machine));
    type.machine = canonical;
    return {};
}

Status default_memory(Domain& d) {
    if (!d.memory)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                          "Memory size must be specified via <memory> or in the <numa> configuration");
    if (!d.current_memory || *d.current_memory > *d.memory)
        d.current_memory = d.memory;
    return {};
}

void default_vcpu(Domain& d) {
    if (!d.vcpu.max)
        d.vcpu.max = 1;
    if (d.vcpu.placement == Placement{}) {
        // Memory that is placed by advice takes the processors along, where nobody says otherwise.
        const bool advised = d.numatune && d.numatune->memory && d.numatune->memory->placement == "auto" && d.vcpu.cpuset.empty();
        d.vcpu.placement = advised ? Placement::auto_ : Placement::static_;
    }
    if (d.vcpu.current && *d.vcpu.current == *d.vcpu.max)
        d.vcpu.current.reset();
}

void default_cpu(Domain& d, const HostContext& context) {
    const bool named = d.cpu && (d.cpu->model ||
                                 (d.cpu->mode != CpuMode::unset && d.cpu->mode != CpuMode::custom));
    if (!named) {
        const std::string model =
            context.default_cpu ? context.default_cpu(d.os.type.arch, d.os.type.machine) : "";
        if (model.empty())
            return;
        if (!d.cpu)
            d.cpu.emplace();
        Cpu& cpu = *d.cpu;
        cpu.mode = CpuMode::custom;
        cpu.match = CpuMatch::exact;
        cpu.check = CpuCheck::none;
        cpu.model = CpuModel{"forbid", "", model};
    }
    Cpu& cpu = *d.cpu;
    if (cpu.mode == CpuMode::unset)
        cpu.mode = CpuMode::custom;
    if (cpu.mode == CpuMode::custom && cpu.match == CpuMatch::unset)
        cpu.match = CpuMatch::exact;
    if (cpu.check == CpuCheck::unset)
        cpu.check =
            cpu.mode == CpuMode::host_model || (cpu.mode == CpuMode::custom && d.type == "kvm")
                ? CpuCheck::partial
                : CpuCheck::none; // emulated and passed through CPUs are what they are
    if (cpu.mode != CpuMode::custom)
        cpu.match = CpuMatch::unset;
    if (cpu.mode == CpuMode::host_passthrough && cpu.migratable == OnOff::unset)
        cpu.migratable = OnOff::on;
    if (cpu.mode == CpuMode::host_model && cpu.model && cpu.model->name.empty()) {
        if (cpu.model->fallback == "allow")
            cpu.model->fallback.clear();
        if (cpu.model->fallback.empty() && cpu.model->vendor_id.empty())
            cpu.model.reset();
    } else if (cpu.model && cpu.model->fallback.empty()) {
        cpu.model->fallback = "allow";
    }
    if (cpu.topology && !cpu.topology->dies)
        cpu.topology->dies = 1;
    for (CpuFeature& f : cpu.features)
        if (f.policy == CpuPolicy::unset)
            f.policy = CpuPolicy::require;
}

void default_clock_and_actions(Domain& d) {
    if (!d.clock)
        d.clock.emplace();
    Clock& c = *d.clock;
    if (c.offset == ClockOffset::unset)
        c.offset = ClockOffset::utc;
    if (c.offset == ClockOffset::variable) {
        if (c.adjustment.empty())
            c.adjustment = "0";
        if (c.basis.empty())
            c.basis = "utc";
    }
    if (d.on_poweroff == LifecycleAction::unset)
        d.on_poweroff = LifecycleAction::destroy;
    if (d.on_reboot == LifecycleAction::unset)
        d.on_reboot = LifecycleAction::restart;
    if (d.on_crash == LifecycleAction::unset)
        d.on_crash = LifecycleAction::destroy;
}

void default_features(Domain& d) {
    for (auto* s : {&d.features.hap, &d.features.pvspinlock, &d.features.pmu, &d.features.vmport,
                    &d.features.vmcoreinfo}) {
        if (*s && (*s)->state == OnOff::unset)
            (*s)->state = OnOff::on;
    }
    if (d.features.smm && d.features.smm->state == OnOff::unset)
        d.features.smm->state = OnOff::on;
    if (d.features.hyperv && d.features.hyperv->mode.empty())
        d.features.hyperv->mode = "custom";
}

void default_boot(Domain& d) {
    if (!d.os.boot.empty() || d.os.type.type != "hvm")
        return;
    const auto ordered = [](const auto& x) { return x.info.boot.order.has_value(); };
    const auto& v = d.devices;
    const bool by_device = std::any_of(v.disks.begin(), v.disks.end(), ordered) ||
                           std::any_of(v.interfaces.begin(), v.interfaces.end(), ordered) ||
                           std::any_of(v.hostdevs.begin(), v.hostdevs.end(), ordered) ||
                           std::any_of(v.redirdevs.begin(), v.redirdevs.end(), ordered) ||
                           std::any_of(v.filesystems.begin(), v.filesystems.end(), ordered);
    if (!by_device)
        d.os.boot.push_back({BootDevice::hd});
}

// Models are known in any mixture of cases.
void default_model(std::string& model) {
    constexpr std::string_view kModels[] = {"virtio",   "virtio-transitional", "virtio-non-transitional", "e1000",    "e1000e", "rtl8139",
                                            "ne2k_pci", "pcnet",               "vmxnet3",                 "usb-net",  "lan9118", "smc91c111",
                                            "spapr-vlan", "netfront",          "vlance",                  "vmxnet",   "vmxnet2", "igb"};
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    for (const std::string_view known : kModels) {
        if (known.size() == model.size() && std::equal(known.begin(), known.end(), model.begin(), same))
            model = known;
    }
}

void default_interfaces(Domain& d, const HostContext& context) {
    for (Interface& i : d.devices.interfaces) {
        default_model(i.model);
        if (!i.mac.address)
            i.mac.address = context.new_mac ? context.new_mac() : random_mac();
        if (i.model.empty() && is_x86(d) && i.type != InterfaceType::hostdev)
            i.model = i.type == InterfaceType::vdpa ? "virtio" : "rtl8139";
        if (i.model.rfind("virtio", 0) != 0) {
            // Only these have a driver to choose.
            if (i.type != InterfaceType::hostdev)
                i.driver = {};
            i.backend.vhost.clear();
        } else if (i.driver.queues == 1u) {
            i.driver.queues.reset();
        }
        if (i.type == InterfaceType::vhostuser)
            i.filter.reset(); // the host never sees its packets
    }
}

} // namespace

xml::Mac random_mac() {
    // Uuid's source is the kernel's; three of its bytes are as random as any.
    const Uuid random = Uuid::random();
    return {{0x52, 0x54, 0x00, random.bytes[0], random.bytes[1], random.bytes[2]}};
}

bool is_x86(const Domain& d) {
    return d.os.type.arch == "x86_64" || d.os.type.arch == "i686";
}

Chipset chipset_of(const Domain& d) {
    const std::string& m = d.os.type.machine;
    if (!is_x86(d))
        return Chipset::other;
    if (m == "q35" || m.rfind("pc-q35-", 0) == 0)
        return Chipset::q35;
    if (m == "pc" || m.rfind("pc-i440fx-", 0) == 0 || m.rfind("pc-0.", 0) == 0 ||
        m.rfind("pc-1.", 0) == 0)
        return Chipset::i440fx;
    return Chipset::other;
}

Status apply_defaults(Domain& d, const HostContext& context) {
    if (!d.uuid)
        d.uuid = Uuid::random();
    PV_TRY(default_machine(d, context));
    PV_TRY(default_tuning(d));
    PV_TRY(default_memory(d));
    default_vcpu(d);
    default_cpu(d, context);
    default_clock_and_actions(d);
    default_features(d);
    if (d.os.bootmenu != YesNo::yes)
        d.os.bootmenu_timeout.reset();
    if (d.genid && !d.genid->uuid)
        d.genid->uuid = Uuid::random();
    default_boot(d);
    default_firmware(d, context);
    default_interfaces(d, context);
    PV_TRY(default_disks(d));
    default_sources(d);
    default_extras(d);
    default_hostdevs(d);
    default_chardevs(d);
    default_small_devices(d);
    PV_TRY(default_controllers(d));
    return {};
}

Status complete(Domain& domain, const HostContext& context) {
    PV_TRY(validate(domain));
    PV_TRY(apply_defaults(domain, context));
    PV_TRY(check_filesystem_targets(domain));
    return assign_addresses(domain);
}

} // namespace polyvirt::sdk::domain
