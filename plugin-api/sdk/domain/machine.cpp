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
    b.keep({"source"}, v.kept);
    b.when(v.kept.empty(), "there is no <source>", [&] { b.text(v.path); });
}

void describe(xml::Binder& b, Os& v) {
    b.attr("firmware", v.firmware);
    b.child("type", v.type);
    b.keep({"firmware"}, v.kept);
    b.element("init", v.init);
    b.keep({"initarg", "initenv"}, v.kept);
    b.element("initdir", v.initdir);
    b.element("inituser", v.inituser);
    b.element("initgroup", v.initgroup);
    b.child("loader", v.loader);
    b.child("nvram", v.nvram);
    b.element("kernel", v.kernel);
    b.element("initrd", v.initrd);
    b.element("cmdline", v.cmdline);
    b.element("dtb", v.dtb);
    b.keep({"acpi"}, v.kept);
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
    b.group("smm", [&] {
        b.attr("state", v.smm.state);
        b.keep({"tseg"}, v.smm_kept);
    });
    b.keep({"hyperv", "kvm", "xen", "capabilities", "ioapic", "hpt", "htm", "nested-hv"}, v.kept);
    b.child("vmcoreinfo", v.vmcoreinfo);
    b.keep({"msrs", "ccf-assist", "cfpc", "sbbc", "ibs", "tcg", "async-teardown"}, v.kept);
}

void describe(xml::Binder& b, CpuModel& v) {
    b.attr("fallback", v.fallback);
    b.attr("vendor_id", v.vendor_id);
    b.text(v.name);
}

void describe(xml::Binder& b, CpuTopology& v) {
    const xml::Rule positive = xml::Rule{}.limits(1, 0xffffffff);
    b.attr("sockets", v.sockets, positive);
    b.attr("dies", v.dies, positive);
    b.attr("cores", v.cores, positive);
    b.attr("threads", v.threads, positive);
    b.require(v.sockets && v.cores && v.threads, "needs sockets, cores and threads");
}

void describe(xml::Binder& b, CpuFeature& v) {
    b.attr("policy", v.policy);
    b.attr("name", v.name, xml::kRequired);
}

void describe(xml::Binder& b, Cpu& v) {
    b.attr("mode", v.mode);
    b.attr("match", v.match);
    b.attr("check", v.check);
    b.attr("migratable", v.migratable);
    b.child("model", v.model);
    b.element("vendor", v.vendor);
    b.child("topology", v.topology);
    b.keep({"cache", "maxphysaddr"}, v.kept);
    b.child("feature", v.features);
    b.keep({"numa"}, v.kept);
}

void describe(xml::Binder& b, Timer& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("present", v.present);
    b.attr("tickpolicy", v.tickpolicy);
    b.attr("track", v.track);
    b.attr("frequency", v.frequency);
    b.attr("mode", v.mode);
    b.keep({"catchup"}, v.kept);
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
