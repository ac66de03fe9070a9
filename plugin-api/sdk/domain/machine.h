// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the guest is beside its devices: vcpu, os, features, cpu, clock, pm, seclabel.

#include "sdk/domain/address.h"

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
    Kept kept;
};
struct Os {
    std::string firmware; // bios, efi; empty: given by loader
    OsType type;
    std::string init, initdir, inituser, initgroup;
    Loader loader;
    std::optional<Nvram> nvram;
    std::string kernel, initrd, cmdline, dtb;
    std::vector<BootEntry> boot;
    YesNo bootmenu{};
    Number bootmenu_timeout; // ms
    std::string smbios;
    YesNo bios_useserial{};
    std::optional<std::int32_t> reboot_timeout; // ms; -1: never
    Kept kept;
};

struct SwitchState {
    OnOff state{};
};
struct Apic {
    OnOff eoi{};
};
struct Features {
    bool pae = false, acpi = false, viridian = false, privnet = false;
    std::optional<Apic> apic;
    std::optional<SwitchState> hap, pvspinlock, pmu, vmport,
        vmcoreinfo; // there without a state: on
    SwitchState smm;
    Kept smm_kept, kept; // tseg; hyperv, kvm, tcg, ioapic ...
};

enum class CpuMode : std::uint8_t { unset, custom, host_model, host_passthrough, maximum };
inline constexpr std::string_view kCpuModes[] = {"", "custom", "host-model", "host-passthrough",
                                                 "maximum"};
constexpr xml::Names names_of(CpuMode) {
    return kCpuModes;
}
enum class CpuMatch : std::uint8_t { unset, minimum, exact, strict };
inline constexpr std::string_view kCpuMatches[] = {"", "minimum", "exact", "strict"};
constexpr xml::Names names_of(CpuMatch) {
    return kCpuMatches;
}
enum class CpuCheck : std::uint8_t { unset, none, partial, full };
inline constexpr std::string_view kCpuChecks[] = {"", "none", "partial", "full"};
constexpr xml::Names names_of(CpuCheck) {
    return kCpuChecks;
}
enum class CpuPolicy : std::uint8_t { unset, force, require, optional, disable, forbid };
inline constexpr std::string_view kCpuPolicies[] = {"",         "force",   "require",
                                                    "optional", "disable", "forbid"};
constexpr xml::Names names_of(CpuPolicy) {
    return kCpuPolicies;
}

struct CpuModel {
    std::string fallback, vendor_id, name;
};
struct CpuTopology {
    Number sockets, dies, cores, threads;
};
struct CpuFeature {
    CpuPolicy policy{};
    std::string name;
};
struct Cpu {
    CpuMode mode{};
    CpuMatch match{};
    CpuCheck check{};
    OnOff migratable{};
    std::optional<CpuModel> model;
    std::string vendor;
    std::optional<CpuTopology> topology;
    std::vector<CpuFeature> features;
    Kept kept; // cache, maxphysaddr, numa
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
    Kept kept; // catchup
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
void describe(xml::Binder& b, BootEntry& v);
void describe(xml::Binder& b, OsType& v);
void describe(xml::Binder& b, Loader& v);
void describe(xml::Binder& b, Nvram& v);
void describe(xml::Binder& b, Os& v);
void describe(xml::Binder& b, SwitchState& v);
void describe(xml::Binder& b, Apic& v);
void describe(xml::Binder& b, Features& v);
void describe(xml::Binder& b, CpuModel& v);
void describe(xml::Binder& b, CpuTopology& v);
void describe(xml::Binder& b, CpuFeature& v);
void describe(xml::Binder& b, Cpu& v);
void describe(xml::Binder& b, Timer& v);
void describe(xml::Binder& b, Clock& v);
void describe(xml::Binder& b, Seclabel& v);

} // namespace polyvirt::sdk::domain
