// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The board: name, machine, CPU, memory, clock, boot.

#include "command/builder.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

std::string_view on_off(bool on) { return on ? "on" : "off"; }

std::string machine_options(const Builder& b) {
    const Domain& d = b.domain;
    std::string m = Builder::value(d.os.type.machine) + ",usb=off";
    const auto feature = [&](const char* option, const std::optional<SwitchState>& state) {
        if (state && state->state != OnOff::unset) m += fmt::format(",{}={}", option, on_off(state->state == OnOff::on));
    };
    feature("vmport", d.features.vmport);
    feature("smm", d.features.smm);
    m += fmt::format(",dump-guest-core={}", on_off(d.dump_core == OnOff::on));
    if (chipset_of(d) != Chipset::other) m += ",memory-backend=pc.ram";
    return m;
}

Status add_cpu(Builder& b) {
    if (!b.domain.cpu) return {};
    const Cpu& cpu = *b.domain.cpu;
    std::string model;
    switch (cpu.mode) {
    case CpuMode::host_passthrough:
        if (!b.context.kvm)
            return Builder::unsupported("CPU mode 'host-passthrough' for {} {} domain on {} host is not supported by hypervisor",
                                        b.domain.os.type.arch, b.domain.type, b.domain.os.type.arch);
        model = "host";
        break;
    // Without hardware to copy, what the emulator can do is its maximum.
    case CpuMode::host_model: model = b.context.kvm ? "host" : "max"; break;
    case CpuMode::maximum: model = "max"; break;
    default:
        if (cpu.model) model = cpu.model->name;
        break;
    }
    if (model.empty()) return {};
    for (const CpuFeature& f : cpu.features) {
        const bool on = f.policy != CpuPolicy::disable && f.policy != CpuPolicy::forbid;
        model += fmt::format(",{}={}", f.name, on_off(on));
    }
    b.arg("-cpu", model);
    return {};
}

void add_memory(Builder& b) {
    const std::uint64_t mib = (b.domain.memory.value_or(0) + 1023) / 1024;
    b.arg("-m", fmt::format("{}", mib));
    if (chipset_of(b.domain) != Chipset::other)
        b.json("-object", {{"qom-type", "memory-backend-ram"}, {"id", "pc.ram"}, {"size", mib << 20}});
    b.arg("-overcommit", "mem-lock=off");
}

void add_smp(Builder& b) {
    const std::uint32_t max = b.domain.vcpu.max.value_or(1);
    const std::uint32_t now = b.domain.vcpu.current.value_or(max);
    std::string smp = fmt::format("{}", now);
    if (now != max) smp += fmt::format(",maxcpus={}", max);
    if (b.domain.cpu && b.domain.cpu->topology) {
        const CpuTopology& t = *b.domain.cpu->topology;
        smp += fmt::format(",sockets={}", t.sockets.value_or(1));
        if (t.dies.value_or(1) != 1) smp += fmt::format(",dies={}", *t.dies);
        smp += fmt::format(",cores={},threads={}", t.cores.value_or(1), t.threads.value_or(1));
    } else {
        smp += fmt::format(",sockets={},cores=1,threads=1", max);
    }
    b.arg("-smp", smp);
}

Status add_clock(Builder& b) {
    const Domain& d = b.domain;
    std::string rtc = "base=utc";
    if (d.clock) {
        switch (d.clock->offset) {
        case ClockOffset::localtime: rtc = "base=localtime"; break;
        case ClockOffset::unset:
        case ClockOffset::utc: break;
        default:
            return Builder::unsupported("domain '{}': clock offset='{}' cannot be given to a guest by this version", d.name,
                                        name(d.clock->offset));
        }
        for (const Timer& t : d.clock->timers) {
            if (t.name == "rtc" && t.tickpolicy == "catchup") rtc += ",driftfix=slew";
            if (t.name == "pit" && t.tickpolicy == "delay") b.arg("-global", "kvm-pit.lost_tick_policy=delay");
            if (t.name == "pit" && t.tickpolicy == "discard") b.arg("-global", "kvm-pit.lost_tick_policy=discard");
            if (t.name == "hpet" && t.present == YesNo::no) b.arg("-no-hpet");
        }
    }
    b.arg("-rtc", rtc);
    return {};
}

void add_power(Builder& b) {
    const Domain& d = b.domain;
    // The guest is left standing when it powers off, so that the driver learns why and cleans up in order.
    b.arg("-no-shutdown");
    if (!d.features.acpi && chipset_of(d) != Chipset::other) b.arg("-no-acpi");
    // A guest that asks for a reboot and should be destroyed instead powers off.
    if (d.on_reboot == LifecycleAction::destroy) b.arg("-action", "reboot=shutdown");
    const char* device = chipset_of(d) == Chipset::q35 ? "ICH9-LPC" : "PIIX4_PM";
    if (d.suspend_to_mem != YesNo::unset)
        b.arg("-global", fmt::format("{}.disable_s3={}", device, d.suspend_to_mem == YesNo::no ? 1 : 0));
    if (d.suspend_to_disk != YesNo::unset)
        b.arg("-global", fmt::format("{}.disable_s4={}", device, d.suspend_to_disk == YesNo::no ? 1 : 0));
}

Status add_firmware(Builder& b) {
    const Os& os = b.domain.os;
    if (os.firmware == "efi" || os.loader.type == "pflash")
        return Builder::unsupported("domain '{}': UEFI firmware cannot be given to a guest by this version", b.domain.name);
    if (!os.loader.path.empty()) b.arg("-bios", os.loader.path);
    return {};
}

void add_boot_options(Builder& b) {
    const Os& os = b.domain.os;
    std::string boot;
    if (os.bootmenu != YesNo::unset) boot += fmt::format("menu={},", on_off(os.bootmenu == YesNo::yes));
    if (os.bootmenu == YesNo::yes && os.bootmenu_timeout) boot += fmt::format("splash-time={},", *os.bootmenu_timeout);
    if (os.reboot_timeout) boot += fmt::format("reboot-timeout={},", *os.reboot_timeout);
    b.arg("-boot", boot + "strict=on");
    if (!os.kernel.empty()) b.arg("-kernel", os.kernel);
    if (!os.initrd.empty()) b.arg("-initrd", os.initrd);
    if (!os.cmdline.empty()) b.arg("-append", os.cmdline);
    if (!os.dtb.empty()) b.arg("-dtb", os.dtb);
}

} // namespace

Status add_machine(Builder& b) {
    const Domain& d = b.domain;
    b.arg("-name", fmt::format("guest={},debug-threads=on", Builder::value(d.name)));
    b.arg("-S"); // stopped, until the driver has seen to everything
    b.arg("-machine", machine_options(b));
    b.arg("-accel", b.context.kvm ? "kvm" : "tcg");
    PV_TRY(add_cpu(b));
    PV_TRY(add_firmware(b));
    add_memory(b);
    add_smp(b);
    b.arg("-uuid", d.uuid.value_or(Uuid{}).to_string());
    if (d.devices.graphics.empty()) b.arg("-display", "none");
    b.arg("-no-user-config");
    b.arg("-nodefaults");
    if (!b.context.pidfile.empty()) b.arg("-pidfile", b.context.pidfile);
    return {};
}

Status add_board_end(Builder& b) {
    b.arg("-chardev", fmt::format("socket,id=charmonitor,fd={},server=on,wait=off", b.context.monitor_fd));
    b.arg("-mon", "chardev=charmonitor,id=monitor,mode=control");
    PV_TRY(add_clock(b));
    add_power(b);
    add_boot_options(b);
    return {};
}

} // namespace polyvirt::qemu
