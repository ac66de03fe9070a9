// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the guest is beside its devices: vcpu, os, features, cpu, clock, pm, seclabel.

#include "sdk/domain/cpu.h"
#include "sdk/domain/disk.h"

namespace polyvirt::sdk::domain {

enum class Placement : std::uint8_t { unset, static_, auto_ };
inline constexpr std::string_view kPlacements[] = {"", "static", "auto"};
constexpr xml::Names names_of(Placement) {
    return kPlacements;
}

struct Vcpu {
    Placement placement{};
    xml::CpuSet cpuset;
    Number current, max;
};

enum class BootDevice : std::uint8_t { unset, fd, cdrom, hd, network };
inline constexpr std::string_view kBootDevices[] = {"", "fd", "cdrom", "hd", "network"};
constexpr xml::Names names_of(BootDevice) {
    return kBootDevices;
}
struct OsArgument {
    std::string value;
};
struct OsVariable {
    std::string name, value;
};
struct FirmwareFeature {
    YesNo enabled{};
    std::string name; // secure-boot, enrolled-keys
};
struct AcpiTable {
    std::string type, path; // type: slic
};
struct BootEntry {
    BootDevice dev{};
};

struct OsType {
    std::string arch, machine, type; // type: hvm, exe ...
};
struct Loader {
    YesNo readonly{}, secure{}, stateless{};
    std::string type, format, path;
};
struct Nvram {
    std::string template_, template_format, format, type, path;
    std::optional<DiskSource> source; // in the place of a path, as of a disk of that type
};
struct Os {
    std::string firmware; // bios, efi; empty: given by loader
    OsType type;
    std::vector<FirmwareFeature> firmware_features;
    std::string init, initdir, inituser, initgroup;
    std::vector<OsArgument> init_args;
    std::vector<OsVariable> init_env;
    std::vector<AcpiTable> acpi_tables;
    Loader loader;
    std::optional<Nvram> nvram;
    std::string kernel, initrd, cmdline, dtb;
    std::vector<BootEntry> boot;
    YesNo bootmenu{};
    Number bootmenu_timeout; // ms
    std::string smbios;
    YesNo bios_useserial{};
    std::optional<std::int32_t> reboot_timeout; // ms; -1: never
};

struct SwitchState {
    OnOff state{};
};
struct Apic {
    OnOff eoi{};
};
// A feature with a state and one number or text beside it.
struct Spinlocks {
    OnOff state{};
    Number retries;
};
struct VendorId {
    OnOff state{};
    std::string value;
};
struct SyntheticTimer {
    OnOff state{};
    std::optional<SwitchState> direct;
};
// Enlightenments by the names that stand in the document.
struct Hyperv {
    std::string mode; // custom, passthrough
    std::optional<SwitchState> relaxed, vapic, vpindex, runtime, synic, reset, frequencies, reenlightenment, tlbflush, ipi,
        evmcs, avic;
    std::optional<Spinlocks> spinlocks;
    std::optional<SyntheticTimer> stimer;
    std::optional<VendorId> vendor_id;
};
struct DirtyRing {
    OnOff state{};
    Number size;
};
struct Kvm {
    std::optional<SwitchState> hidden, hint_dedicated, poll_control, pv_ipi;
    std::optional<DirtyRing> dirty_ring;
};
struct Smm {
    OnOff state{};
    std::optional<std::uint64_t> tseg;
    std::string tseg_unit; // MiB where there is none
};
struct XenPassthrough {
    OnOff state{};
    std::string mode;
};
struct Xen {
    std::optional<SwitchState> e820_host;
    std::optional<XenPassthrough> passthrough;
};
struct Features {
    bool pae = false, acpi = false, viridian = false, privnet = false;
    std::optional<Apic> apic;
    std::optional<SwitchState> hap, pvspinlock, pmu, vmport, vmcoreinfo; // there without a state: on
    std::optional<Smm> smm;
    std::optional<Hyperv> hyperv;
    std::optional<Kvm> kvm;
    std::optional<Xen> xen;
    std::string ioapic; // kvm, qemu
    xml::Size tb_cache; // KiB
    std::string msrs_unknown;
    std::optional<SwitchState> async_teardown;
    Kept kept; // of other architectures and hypervisors: gic, capabilities, hpt, htm ...
};

enum class ClockOffset : std::uint8_t { unset, utc, localtime, variable, timezone, absolute };
inline constexpr std::string_view kClockOffsets[] = {"",         "utc",      "localtime",
                                                     "variable", "timezone", "absolute"};
constexpr xml::Names names_of(ClockOffset) {
    return kClockOffsets;
}
struct Timer {
    std::string name, track, tickpolicy, mode;
    std::optional<std::uint64_t> frequency;
    YesNo present{};
    Number catchup_threshold, catchup_slew, catchup_limit;
};
struct Clock {
    ClockOffset offset{};
    std::string adjustment, basis, timezone; // adjustment: seconds, or "reset"
    std::optional<std::uint64_t> start;
    std::vector<Timer> timers;
};

enum class LifecycleAction : std::uint8_t {
    unset,
    destroy,
    restart,
    rename_restart,
    preserve,
    coredump_destroy,
    coredump_restart
};
inline constexpr std::string_view kLifecycleActions[] = {
    "", "destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart"};
constexpr xml::Names names_of(LifecycleAction) {
    return kLifecycleActions;
}

struct Seclabel {
    std::string type, model;
    YesNo relabel{};
    std::string label, imagelabel, baselabel;
};

void describe(xml::Binder& b, Vcpu& v);
void describe(xml::Binder& b, OsArgument& v);
void describe(xml::Binder& b, OsVariable& v);
void describe(xml::Binder& b, FirmwareFeature& v);
void describe(xml::Binder& b, AcpiTable& v);
void describe(xml::Binder& b, BootEntry& v);
void describe(xml::Binder& b, OsType& v);
void describe(xml::Binder& b, Loader& v);
void describe(xml::Binder& b, Nvram& v);
void describe(xml::Binder& b, Os& v);
void describe(xml::Binder& b, SwitchState& v);
void describe(xml::Binder& b, Apic& v);
void describe(xml::Binder& b, Spinlocks& v);
void describe(xml::Binder& b, VendorId& v);
void describe(xml::Binder& b, SyntheticTimer& v);
void describe(xml::Binder& b, Hyperv& v);
void describe(xml::Binder& b, DirtyRing& v);
void describe(xml::Binder& b, Kvm& v);
void describe(xml::Binder& b, XenPassthrough& v);
void describe(xml::Binder& b, Xen& v);
void describe(xml::Binder& b, Smm& v);
void describe(xml::Binder& b, Features& v);
void describe(xml::Binder& b, Timer& v);
void describe(xml::Binder& b, Clock& v);
void describe(xml::Binder& b, Seclabel& v);

} // namespace polyvirt::sdk::domain
