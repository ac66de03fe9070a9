// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <features>: switches of the machine and of its hypervisor.

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

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
// <capabilities>, of containers: what their processes may do.
struct Capability {
    std::size_t which = 0; // kCapabilities
    OnOff state{};
};
inline constexpr std::string_view kCapabilities[] = {
    "audit_control", "audit_write",  "block_suspend",  "chown",      "dac_override",    "dac_read_search", "fowner",      "fsetid",
    "ipc_lock",      "ipc_owner",    "kill",           "lease",      "linux_immutable", "mac_admin",       "mac_override", "mknod",
    "net_admin",     "net_bind_service", "net_broadcast", "net_raw", "setgid",          "setfcap",         "setpcap",     "setuid",
    "sys_admin",     "sys_boot",     "sys_chroot",     "sys_module", "sys_nice",        "sys_pacct",       "sys_ptrace",  "sys_rawio",
    "sys_resource",  "sys_time",     "sys_tty_config", "syslog",     "wake_alarm"};
struct Capabilities {
    std::string policy; // default, allow, deny
    std::vector<Capability> list;
};
struct Gic {
    std::string version;
};
struct HashPageTable {
    std::string resizing;
    xml::Size max_page_size; // KiB
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
    std::optional<Capabilities> capabilities;
    // Of other architectures.
    std::optional<Gic> gic;
    std::optional<HashPageTable> hpt;
    std::optional<SwitchState> htm, nested_hv, ccf_assist;
    std::string cfpc, sbbc, ibs;
};

void describe(xml::Binder& b, SwitchState& v);
void describe(xml::Binder& b, Apic& v);
void describe(xml::Binder& b, Spinlocks& v);
void describe(xml::Binder& b, VendorId& v);
void describe(xml::Binder& b, SyntheticTimer& v);
void describe(xml::Binder& b, Hyperv& v);
void describe(xml::Binder& b, DirtyRing& v);
void describe(xml::Binder& b, Kvm& v);
void describe(xml::Binder& b, Smm& v);
void describe(xml::Binder& b, XenPassthrough& v);
void describe(xml::Binder& b, Xen& v);
void describe(xml::Binder& b, Features& v);

} // namespace polyvirt::sdk::domain
