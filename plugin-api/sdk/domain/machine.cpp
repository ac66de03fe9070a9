// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/machine.h"

#include "sdk/domain/names.h"

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
    b.attr("name", v.name, xml::one_of(names::kFirmwareFeatures, true));
}

void describe(xml::Binder& b, AcpiTable& v) {
    b.attr("type", v.type, xml::one_of(names::kTables, true));
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
    b.attr("type", v.type, xml::one_of(names::kLoaders));
    b.attr("secure", v.secure);
    b.attr("stateless", v.stateless);
    b.attr("format", v.format, xml::one_of(names::kFormats));
    b.text(v.path, xml::absolute_path());
}

void describe(xml::Binder& b, Nvram& v) {
    b.attr("type", v.type);
    b.attr("template", v.template_, xml::absolute_path());
    b.attr("templateFormat", v.template_format, xml::one_of(names::kFormats));
    b.attr("format", v.format, xml::one_of(names::kFormats));
    b.child("source", v.source);
    b.when(!v.source, "there is no <source>", [&] { b.text(v.path); });
}

void describe(xml::Binder& b, Os& v) {
    b.attr("firmware", v.firmware, xml::one_of(names::kFirmware));
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
    b.group("smbios", [&] { b.attr("mode", v.smbios, xml::one_of(names::kSmbios)); });
}

void describe(xml::Binder& b, Timer& v) {
    b.attr("name", v.name, xml::one_of(names::kTimers, true));
    b.attr("present", v.present);
    b.attr("tickpolicy", v.tickpolicy, xml::one_of(names::kTickPolicies));
    b.attr("track", v.track, xml::one_of(names::kTracks));
    b.attr("frequency", v.frequency);
    b.attr("mode", v.mode, xml::one_of(names::kTimerModes));
    b.group("catchup", [&] {
        b.attr("threshold", v.catchup_threshold);
        b.attr("slew", v.catchup_slew);
        b.attr("limit", v.catchup_limit);
    });
}

void describe(xml::Binder& b, Clock& v) {
    b.attr("offset", v.offset, xml::kRequired);
    b.attr("adjustment", v.adjustment);
    b.attr("basis", v.basis, xml::one_of(names::kBasis));
    b.attr("timezone", v.timezone);
    b.attr("start", v.start);
    b.child("timer", v.timers);
}

void describe(xml::Binder& b, LaunchSecurity& v) {
    const auto hex = [](int digits) {
        xml::Rule rule;
        rule.hex = digits;
        return rule;
    };
    b.attr("type", v.type, xml::one_of(names::kLaunchSecurities, true));
    b.attr("kernelHashes", v.kernel_hashes);
    b.element("cbitpos", v.cbitpos);
    b.element("reducedPhysBits", v.reduced_phys_bits);
    b.element("policy", v.policy, hex(4));
    b.element("dhCert", v.dh_cert);
    b.element("session", v.session);
}
void describe(xml::Binder& b, KeyWrapCipher& v) {
    b.attr("name", v.name, xml::one_of(names::kKeyWraps, true));
    b.attr("state", v.state, xml::kRequired);
}
void describe(xml::Binder& b, IdRange& v) {
    b.attr("start", v.start, xml::kRequired);
    b.attr("target", v.target, xml::kRequired);
    b.attr("count", v.count, xml::kRequired);
}

void describe(xml::Binder& b, Seclabel& v) {
    b.attr("type", v.type, xml::one_of(names::kLabelTypes));
    b.attr("model", v.model);
    b.attr("relabel", v.relabel);
    b.element("label", v.label);
    b.element("imagelabel", v.imagelabel);
    b.element("baselabel", v.baselabel);
}

} // namespace polyvirt::sdk::domain
