// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/machine.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, Vcpu& v) {
    b.attr("placement", v.placement);
    b.attr("cpuset", v.cpuset);
    b.attr("current", v.current, xml::Rule{}.limits(1, 65535));
    b.text(v.max, xml::Rule{}.limits(1, 65535));
}

void describe(xml::Binder& b, OsArgument& v) {
    b.text(v.value);
}

void describe(xml::Binder& b, OsVariable& v) {
    b.attr("name", v.name, xml::kRequired);
    b.text(v.value);
}

void describe(xml::Binder& b, FirmwareFeature& v) {
    b.attr("enabled", v.enabled, xml::kRequired);
    b.attr("name", v.name, xml::kRequired);
}

void describe(xml::Binder& b, AcpiTable& v) {
    b.attr("type", v.type, xml::kRequired);
    b.text(v.path);
}

void describe(xml::Binder& b, BootEntry& v) {
    b.attr("dev", v.dev, xml::kRequired);
}

void describe(xml::Binder& b, OsType& v) {
    b.attr("arch", v.arch);
    b.attr("machine", v.machine);
    b.text(v.type);
}

void describe(xml::Binder& b, Loader& v) {
    b.attr("readonly", v.readonly);
    b.attr("type", v.type);
    b.attr("secure", v.secure);
    b.attr("stateless", v.stateless);
    b.attr("format", v.format);
    b.text(v.path);
}

void describe(xml::Binder& b, Nvram& v) {
    b.attr("type", v.type);
    b.attr("template", v.template_);
    b.attr("templateFormat", v.template_format);
    b.attr("format", v.format);
    b.child("source", v.source);
    b.when(!v.source, "there is no <source>", [&] { b.text(v.path); });
}

void describe(xml::Binder& b, Os& v) {
    b.attr("firmware", v.firmware);
    b.child("type", v.type);
    b.group("firmware", [&] { b.child("feature", v.firmware_features); });
    b.element("init", v.init);
    b.child("initarg", v.init_args);
    b.child("initenv", v.init_env);
    b.element("initdir", v.initdir);
    b.element("inituser", v.inituser);
    b.element("initgroup", v.initgroup);
    b.child("loader", v.loader);
    b.child("nvram", v.nvram);
    b.element("kernel", v.kernel);
    b.element("initrd", v.initrd);
    b.element("cmdline", v.cmdline);
    b.element("dtb", v.dtb);
    b.group("acpi", [&] { b.child("table", v.acpi_tables); });
    b.child("boot", v.boot);
    b.group("bootmenu", [&] {
        b.attr("enable", v.bootmenu);
        b.attr("timeout", v.bootmenu_timeout, xml::Rule{}.limits(0, 65535));
    });
    b.group("bios", [&] {
        b.attr("useserial", v.bios_useserial);
        b.attr("rebootTimeout", v.reboot_timeout, xml::Rule{}.limits(-1, 65535));
    });
    b.group("smbios", [&] { b.attr("mode", v.smbios); });
}

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
    b.attr("mode", v.mode);
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
    b.attr("mode", v.mode);
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
    b.keep({"gic"}, v.kept);
    b.child("smm", v.smm);
    b.child("hyperv", v.hyperv);
    b.child("kvm", v.kvm);
    b.child("xen", v.xen);
    b.keep({"capabilities"}, v.kept);
    b.group("ioapic", [&] { b.attr("driver", v.ioapic); });
    b.keep({"hpt", "htm", "nested-hv"}, v.kept);
    b.child("vmcoreinfo", v.vmcoreinfo);
    b.group("msrs", [&] { b.attr("unknown", v.msrs_unknown); });
    b.keep({"ccf-assist", "cfpc", "sbbc", "ibs"}, v.kept);
    b.group("tcg", [&] { b.group("tb-cache", [&] { b.size_text(v.tb_cache, {1024, "KiB", 1024}); }); });
    b.child("async-teardown", v.async_teardown);
}

void describe(xml::Binder& b, Timer& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("present", v.present);
    b.attr("tickpolicy", v.tickpolicy);
    b.attr("track", v.track);
    b.attr("frequency", v.frequency);
    b.attr("mode", v.mode);
    b.group("catchup", [&] {
        b.attr("threshold", v.catchup_threshold);
        b.attr("slew", v.catchup_slew);
        b.attr("limit", v.catchup_limit);
    });
}

void describe(xml::Binder& b, Clock& v) {
    b.attr("offset", v.offset, xml::kRequired);
    b.attr("adjustment", v.adjustment);
    b.attr("basis", v.basis);
    b.attr("timezone", v.timezone);
    b.attr("start", v.start);
    b.child("timer", v.timers);
}

void describe(xml::Binder& b, Seclabel& v) {
    b.attr("type", v.type);
    b.attr("model", v.model);
    b.attr("relabel", v.relabel);
    b.element("label", v.label);
    b.element("imagelabel", v.imagelabel);
    b.element("baselabel", v.baselabel);
}

} // namespace polyvirt::sdk::domain
