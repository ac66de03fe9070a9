// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The board: name, machine, CPU, memory, clock, boot.

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "command/blockdev.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

std::string machine_options(const Builder& b) {
    const Domain& d = b.domain;
    std::string m = Builder::value(d.os.type.machine) + ",usb=off";
    const auto feature = [&](const char* option, const std::optional<SwitchState>& state) {
        if (state && state->state != OnOff::unset) m += fmt::format(",{}={}", option, on_off(state->state == OnOff::on));
    };
    feature("vmport", d.features.vmport);
    if (d.features.smm) m += fmt::format(",smm={}", on_off(d.features.smm->state == OnOff::on));
    if (!d.features.ioapic.empty()) m += fmt::format(",kernel_irqchip={}", d.features.ioapic == "qemu" ? "split" : "on");
    m += fmt::format(",dump-guest-core={}", on_off(d.dump_core == OnOff::on));
    if (d.memory_backing && d.memory_backing->nosharepages) m += ",mem-merge=off";
    const auto& memories = d.devices.memories;
    if (std::any_of(memories.begin(), memories.end(), [](const MemoryDevice& x) { return x.model == "nvdimm"; })) m += ",nvdimm=on";
    if (board_memory(d)) m += ",memory-backend=pc.ram";
    // The speaker is on the board; -soundhw, with which it once was had, is gone since 7.1.
    const auto& sounds = d.devices.sounds;
    const auto speaker = std::find_if(sounds.begin(), sounds.end(), [](const Sound& s) { return s.model == "pcspk"; });
    if (speaker != sounds.end()) {
        if (const std::string audio = audio_of(b, speaker->audio); !audio.empty()) m += ",pcspk-audiodev=" + audio;
    }
    if (has_flash(d)) m += ",pflash0=libvirt-pflash0-format";
    if (has_variables(d)) m += ",pflash1=libvirt-pflash1-format";
    return m;
}

void add_smp(Builder& b) {
    const std::uint32_t max = b.domain.vcpu.max.value_or(1);
    std::uint32_t now = b.domain.vcpu.current.value_or(max);
    // Those that can be plugged in are, one by one, before the guest runs.
    const auto& vcpus = b.domain.vcpus;
    if (!vcpus.empty())
        now = static_cast<std::uint32_t>(std::count_if(vcpus.begin(), vcpus.end(), [](const IndividualVcpu& v) {
            return v.enabled != YesNo::no && v.hotpluggable != YesNo::yes;
        }));
    std::string smp = fmt::format("{}", now);
    if (now != max) smp += fmt::format(",maxcpus={}", max);
    if (b.domain.cpu && b.domain.cpu->topology) {
        const CpuTopology& t = *b.domain.cpu->topology;
        smp += fmt::format(",sockets={}", t.sockets.value_or(1));
        if (chipset_of(b.domain) != Chipset::other) smp += fmt::format(",dies={}", t.dies.value_or(1));
        smp += fmt::format(",cores={},threads={}", t.cores.value_or(1), t.threads.value_or(1));
    } else {
        smp += fmt::format(",sockets={},cores=1,threads=1", max);
    }
    b.arg("-smp", smp);
}

// The start of an emulator's clock as it takes it: a time in UTC.
std::string base_at(std::int64_t epoch) {
    const auto t = static_cast<std::time_t>(epoch);
    std::tm parts{};
    ::gmtime_r(&t, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string clock_base(const Clock& c) {
    switch (c.offset) {
    case ClockOffset::localtime:
    case ClockOffset::timezone: return "localtime";
    case ClockOffset::variable: {
        std::time_t now = std::time(nullptr);
        if (c.basis == "localtime") {
            std::tm local{};
            ::localtime_r(&now, &local);
            now += local.tm_gmtoff;
        }
        return base_at(now + std::strtoll(c.adjustment.c_str(), nullptr, 10));
    }
    case ClockOffset::absolute: return base_at(static_cast<std::int64_t>(c.start.value_or(0)));
    default: return "utc";
    }
}

void add_clock(Builder& b) {
    std::string rtc = "base=utc";
    if (b.domain.clock) {
        const Clock& c = *b.domain.clock;
        rtc = "base=" + clock_base(c);
        if (c.offset == ClockOffset::timezone && !c.timezone.empty()) b.line.env.push_back("TZ=" + c.timezone);
        for (const Timer& t : c.timers) {
            if (t.name != "rtc") continue;
            if (t.track == "guest") rtc += ",clock=vm";
            if (t.track == "wall") rtc += ",clock=host";
            if (t.tickpolicy == "catchup") rtc += ",driftfix=slew";
        }
    }
    b.arg("-rtc", rtc);
    if (!b.domain.clock) return;
    for (const Timer& t : b.domain.clock->timers) {
        if (t.name == "pit" && t.tickpolicy == "delay") b.arg("-global", "kvm-pit.lost_tick_policy=delay");
        if (t.name == "pit" && t.tickpolicy == "discard") b.arg("-global", "kvm-pit.lost_tick_policy=discard");
        if (t.name == "hpet" && t.present == YesNo::no) b.arg("-no-hpet");
    }
}

void add_power(Builder& b) {
    const Domain& d = b.domain;
    // The guest is left standing when it powers off, so that the driver learns why and cleans up in order.
    b.arg("-no-shutdown");
    if (!d.features.acpi && chipset_of(d) != Chipset::other) b.arg("-no-acpi");
    // A guest that asks for a reboot and should be destroyed instead powers off.
    if (d.on_reboot == LifecycleAction::destroy && !b.context.sketch) b.arg("-action", "reboot=shutdown");
    if (d.features.smm && d.features.smm->tseg) {
        const std::uint64_t unit = d.features.smm->tseg_unit.empty() ? 1 << 20 : sdk::xml::unit_factor(d.features.smm->tseg_unit);
        b.arg("-global", fmt::format("mch.extended-tseg-mbytes={}", *d.features.smm->tseg * unit >> 20));
    }
    const char* device = chipset_of(d) == Chipset::q35 ? "ICH9-LPC" : "PIIX4_PM";
    if (d.suspend_to_mem != YesNo::unset)
        b.arg("-global", fmt::format("{}.disable_s3={}", device, d.suspend_to_mem == YesNo::no ? 1 : 0));
    if (d.suspend_to_disk != YesNo::unset)
        b.arg("-global", fmt::format("{}.disable_s4={}", device, d.suspend_to_disk == YesNo::no ? 1 : 0));
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
    if (b.context.incoming) b.arg("-incoming", "defer");
    b.arg("-S"); // stopped, until the driver has seen to everything
    if (!b.context.master_key.empty())
        b.json("-object", {{"qom-type", "secret"}, {"id", "masterKey0"}, {"format", "raw"}, {"file", b.context.master_key}});
    add_own_helper(b);
    PV_TRY(add_flashes(b));
    b.arg("-machine", machine_options(b));
    std::string accel = b.context.kvm ? "kvm" : "tcg";
    if (!b.context.kvm && d.features.tb_cache) accel += fmt::format(",tb-size={}", *d.features.tb_cache / 1024);
    if (b.context.kvm && d.features.kvm && d.features.kvm->dirty_ring && d.features.kvm->dirty_ring->size)
        accel += fmt::format(",dirty-ring-size={}", *d.features.kvm->dirty_ring->size);
    b.arg("-accel", accel);
    PV_TRY(add_cpu(b));
    add_firmware(b);
    PV_TRY(add_memory(b));
    add_smp(b);
    PV_TRY(add_cells(b));
    b.arg("-uuid", d.uuid.value_or(Uuid{}).to_string());
    if (d.devices.graphics.empty()) b.arg("-display", "none");
    add_smbios(b);
    b.arg("-no-user-config");
    b.arg("-nodefaults");
    if (d.genid) b.device({{"driver", "vmgenid"}, {"guid", d.genid->uuid.value_or(Uuid{}).to_string()}, {"id", "vmgenid0"}});
    if (!b.context.pidfile.empty()) b.arg("-pidfile", b.context.pidfile);
    return {};
}

Status add_board_end(Builder& b) {
    const std::string socket = b.context.monitor_fd >= 0 ? fmt::format("fd={}", b.context.monitor_fd)
                                                         : "path=" + Builder::value(b.context.folder + "/monitor.sock");
    b.arg("-chardev", fmt::format("socket,id=charmonitor,{},server=on,wait=off", socket));
    b.arg("-mon", "chardev=charmonitor,id=monitor,mode=control");
    add_clock(b);
    add_power(b);
    add_boot_options(b);
    return {};
}

} // namespace polyvirt::qemu
