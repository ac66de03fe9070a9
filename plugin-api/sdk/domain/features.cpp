// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/features.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, SwitchState& v) {
    b.attr("state", v.state);
}
void describe(xml::Binder& b, Apic& v) {
    b.attr("eoi", v.eoi);
}

void describe(xml::Binder& b, Spinlocks& v) {
    b.attr("state", v.state);
    b.attr("retries", v.retries);
}
void describe(xml::Binder& b, VendorId& v) {
    b.attr("state", v.state);
    b.attr("value", v.value);
}
void describe(xml::Binder& b, SyntheticTimer& v) {
    b.attr("state", v.state);
    b.child("direct", v.direct);
}

void describe(xml::Binder& b, Hyperv& v) {
    b.attr("mode", v.mode, xml::one_of(names::kHyperv));
    b.child("relaxed", v.relaxed);
    b.child("vapic", v.vapic);
    b.child("spinlocks", v.spinlocks);
    b.child("vpindex", v.vpindex);
    b.child("runtime", v.runtime);
    b.child("synic", v.synic);
    b.child("stimer", v.stimer);
    b.child("reset", v.reset);
    b.child("vendor_id", v.vendor_id);
    b.child("frequencies", v.frequencies);
    b.child("reenlightenment", v.reenlightenment);
    b.child("tlbflush", v.tlbflush);
    b.child("ipi", v.ipi);
    b.child("evmcs", v.evmcs);
    b.child("avic", v.avic);
}

void describe(xml::Binder& b, DirtyRing& v) {
    b.attr("state", v.state);
    b.attr("size", v.size);
}

void describe(xml::Binder& b, Kvm& v) {
    b.child("hidden", v.hidden);
    b.child("hint-dedicated", v.hint_dedicated);
    b.child("poll-control", v.poll_control);
    b.child("pv-ipi", v.pv_ipi);
    b.child("dirty-ring", v.dirty_ring);
}

void describe(xml::Binder& b, XenPassthrough& v) {
    b.attr("state", v.state);
    b.attr("mode", v.mode, xml::one_of(names::kXenPassthrough));
}

void describe(xml::Binder& b, Xen& v) {
    b.child("e820_host", v.e820_host);
    b.child("passthrough", v.passthrough);
}

void describe(xml::Binder& b, Smm& v) {
    b.attr("state", v.state);
    b.group("tseg", [&] {
        b.attr("unit", v.tseg_unit);
        b.text(v.tseg);
    });
}

static void describe(xml::Binder& b, Gic& v) {
    b.attr("version", v.version);
}
static void describe(xml::Binder& b, Capability& v) {
    b.attr("state", v.state);
}
static void describe(xml::Binder& b, Capabilities& v) {
    b.attr("policy", v.policy, xml::one_of(names::kPolicies));
    b.mixed(kCapabilities, v.list);
}
static void describe(xml::Binder& b, HashPageTable& v) {
    b.attr("resizing", v.resizing);
    b.group("maxpagesize", [&] { b.size_text(v.max_page_size); });
}

void describe(xml::Binder& b, Features& v) {
    b.flag("acpi", v.acpi);
    b.child("apic", v.apic);
    b.flag("pae", v.pae);
    b.child("hap", v.hap);
    b.flag("viridian", v.viridian);
    b.flag("privnet", v.privnet);
    b.child("pvspinlock", v.pvspinlock);
    b.child("pmu", v.pmu);
    b.child("vmport", v.vmport);
    b.child("gic", v.gic);
    b.child("smm", v.smm);
    b.child("hyperv", v.hyperv);
    b.child("kvm", v.kvm);
    b.child("xen", v.xen);
    b.child("capabilities", v.capabilities);
    b.group("ioapic", [&] { b.attr("driver", v.ioapic, xml::one_of(names::kIoapic)); });
    b.child("hpt", v.hpt);
    b.child("htm", v.htm);
    b.child("nested-hv", v.nested_hv);
    b.child("vmcoreinfo", v.vmcoreinfo);
    b.group("msrs", [&] { b.attr("unknown", v.msrs_unknown, xml::one_of(names::kMsrs)); });
    b.child("ccf-assist", v.ccf_assist);
    b.group("cfpc", [&] { b.attr("value", v.cfpc); });
    b.group("sbbc", [&] { b.attr("value", v.sbbc); });
    b.group("ibs", [&] { b.attr("value", v.ibs); });
    b.group("tcg", [&] { b.group("tb-cache", [&] { b.size_text(v.tb_cache, {1024, "KiB", 1024}); }); });
    b.child("async-teardown", v.async_teardown);
}

} // namespace polyvirt::sdk::domain
