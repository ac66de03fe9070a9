// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the guest is beside its devices: vcpu, os, features, cpu, clock, pm, seclabel.

#include "sdk/domain/cpu.h"
#include "sdk/domain/features.h"
#include "sdk/domain/source.h"

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

// When the lock on a disk is lost.
enum class LockFailureAction : std::uint8_t { unset, poweroff, restart, pause, ignore };
inline constexpr std::string_view kLockFailureActions[] = {"", "poweroff", "restart", "pause", "ignore"};
constexpr xml::Names names_of(LockFailureAction) {
    return kLockFailureActions;
}

// <launchSecurity>: how the guest is kept secret from its host.
struct LaunchSecurity {
    std::string type; // sev, s390-pv
    YesNo kernel_hashes{};
    Number cbitpos, reduced_phys_bits, policy;
    std::string dh_cert, session;
};
struct KeyWrapCipher {
    std::string name; // aes, dea
    OnOff state{};
};
// <idmap>, of containers.
struct IdRange {
    Number start, target, count;
};
struct Seclabel {
    std::string type, model;
    YesNo relabel{};
    std::string label, imagelabel, baselabel;
};

void describe(xml::Binder& b, LaunchSecurity& v);
void describe(xml::Binder& b, KeyWrapCipher& v);
void describe(xml::Binder& b, IdRange& v);
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
void describe(xml::Binder& b, Timer& v);
void describe(xml::Binder& b, Clock& v);
void describe(xml::Binder& b, Seclabel& v);

} // namespace polyvirt::sdk::domain
