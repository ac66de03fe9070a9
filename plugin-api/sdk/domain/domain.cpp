// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/domain.h"

#include <algorithm>

#include "base/error_text.h"
#include "sdk/domain/names.h"
#include "sdk/domain/notes.h"
#include "sdk/domain/passes.h"
#include "sdk/domain/passes/defaults.h"
#include "sdk/xml/format.h"
#include "sdk/xml/parse.h"

namespace polyvirt::sdk::domain {

static void describe(xml::Binder& b, QemuArg& v) {
    b.attr("value", v.value, xml::kRequired);
}
static void describe(xml::Binder& b, QemuEnv& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("value", v.value);
}
static void describe(xml::Binder& b, QemuCommandline& v) {
    b.child("arg", v.args);
    b.child("env", v.env);
}

static void describe(xml::Binder& b, QemuCapability& v) {
    b.attr("capability", v.name, xml::kRequired);
}
static void describe(xml::Binder& b, QemuCapabilities& v) {
    b.child("add", v.add);
    b.child("del", v.del);
}
static void describe(xml::Binder& b, QemuProperty& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("type", v.type, xml::one_of(names::kPropertyTypes, true));
    b.attr("value", v.value);
}
static void describe(xml::Binder& b, QemuOverride& v) {
    b.attr("alias", v.alias, xml::kRequired);
    b.group("frontend", [&] { b.child("property", v.properties); });
}
static void describe(xml::Binder& b, LxcShare& v) {
    b.attr("type", v.type, xml::one_of(names::kNamespaceSources, true));
    b.attr("value", v.value);
}
static void describe(xml::Binder& b, LxcNamespaces& v) {
    b.child("sharenet", v.net);
    b.child("shareipc", v.ipc);
    b.child("shareuts", v.uts);
}

static void describe(xml::Binder& b, GenId& v) {
    b.text(v.uuid);
}

static void describe(xml::Binder& b, Devices& v) {
    b.element("emulator", v.emulator);
    b.child("disk", v.disks);
    b.child("controller", v.controllers);
    b.child("lease", v.leases);
    b.child("filesystem", v.filesystems);
    b.child("interface", v.interfaces);
    b.child("smartcard", v.smartcards);
    b.child("serial", v.serials);
    b.child("parallel", v.parallels);
    b.child("console", v.consoles);
    b.child("channel", v.channels);
    b.child("input", v.inputs);
    b.child("tpm", v.tpms);
    b.child("graphics", v.graphics);
    b.child("sound", v.sounds);
    b.child("audio", v.audios);
    b.child("video", v.videos);
    b.child("hostdev", v.hostdevs);
    b.child("redirdev", v.redirdevs);
    b.child("redirfilter", v.redir_filter);
    b.child("hub", v.hubs);
    b.child("watchdog", v.watchdogs);
    b.child("memballoon", v.memballoon);
    b.child("rng", v.rngs);
    b.child("nvram", v.nvrams);
    b.child("panic", v.panics);
    b.child("shmem", v.shmems);
    b.child("memory", v.memories);
    b.child("crypto", v.cryptos);
    b.child("iommu", v.iommu);
    b.child("vsock", v.vsock);
}

static void describe_memory(xml::Binder& b, Domain& v) {
    b.group("maxMemory", [&] {
        b.attr("slots", v.max_memory_slots);
        b.size_text(v.max_memory);
    });
    b.group("memory", [&] {
        b.attr("dumpCore", v.dump_core);
        b.size_text(v.memory);
    });
    b.group("currentMemory", [&] { b.size_text(v.current_memory); });
    b.child("blkiotune", v.blkiotune);
    b.child("memtune", v.memtune);
    b.child("memoryBacking", v.memory_backing);
}

static void describe_lifecycle(xml::Binder& b, Domain& v) {
    b.element("on_poweroff", v.on_poweroff);
    b.element("on_reboot", v.on_reboot);
    b.element("on_crash", v.on_crash);
    b.element("on_lockfailure", v.on_lockfailure);
    b.group("pm", [&] {
        b.group("suspend-to-mem", [&] { b.attr("enabled", v.suspend_to_mem); });
        b.group("suspend-to-disk", [&] { b.attr("enabled", v.suspend_to_disk); });
    });
}

void describe(xml::Binder& b, Domain& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("id", v.id, xml::Rule{}.limits(-1, 0x7fffffff));
    b.uses(kQemuNamespace, !v.qemu_commandline.empty() || !v.qemu_capabilities.empty() || !v.qemu_deprecation.empty() ||
                               !v.qemu_overrides.empty());
    b.uses(kLxcNamespace, !v.lxc_namespaces.empty());
    b.element("name", v.name, xml::kRequired);
    b.require(v.name.find('/') == std::string::npos, "the name must not contain '/'");
    b.element("uuid", v.uuid);
    b.child("genid", v.genid);
    b.element("title", v.title);
    b.require(v.title.find('\n') == std::string::npos, "the title must be a single line");
    b.element("description", v.description);
    b.raw("metadata", v.metadata);
    describe_memory(b, v);
    b.child("vcpu", v.vcpu);
    b.group("vcpus", [&] { b.child("vcpu", v.vcpus); });
    b.element("iothreads", v.iothreads);
    b.group("iothreadids", [&] { b.child("iothread", v.iothread_ids); });
    b.child("defaultiothread", v.default_iothread);
    b.child("cputune", v.cputune);
    b.child("numatune", v.numatune);
    b.group("resource", [&] {
        b.element("partition", v.partition);
        b.group("fibrechannel", [&] { b.attr("appid", v.appid); });
    });
    b.child("sysinfo", v.sysinfos);
    b.element("bootloader", v.bootloader);
    b.element("bootloader_args", v.bootloader_args);
    b.child("os", v.os);
    b.group("idmap", [&] {
        b.child("uid", v.uid_map);
        b.child("gid", v.gid_map);
    });
    b.child("features", v.features);
    b.child("cpu", v.cpu);
    b.child("clock", v.clock);
    describe_lifecycle(b, v);
    b.child("perf", v.perf);
    b.child("devices", v.devices);
    b.child("seclabel", v.seclabels);
    b.group("keywrap", [&] { b.child("cipher", v.keywrap); });
    b.child("launchSecurity", v.launch_security);
    b.inside(kQemuNamespace, [&] {
        b.child("commandline", v.qemu_commandline);
        b.child("capabilities", v.qemu_capabilities);
        b.group("deprecation", [&] { b.attr("behavior", v.qemu_deprecation, xml::one_of(names::kDeprecation)); });
        b.group("override", [&] { b.child("device", v.qemu_overrides); });
    });
    b.inside(kLxcNamespace, [&] { b.child("namespace", v.lxc_namespaces); });
}

// A switch that nobody knows would leave the guest without what it was promised, so these are no typos to pass over.
static Status refuse_unknown_switches(const xml::Messages& messages) {
    for (const xml::Message& m : messages.list) {
        for (const std::string_view where : {"domain/features/hyperv/", "domain/features/kvm/", "domain/features/xen/"}) {
            if (m.kind == xml::Message::Kind::unknown_element && m.path.starts_with(where))
                return make_error_text(ErrorCode::config_unsupported, ErrorDomain::domain, m.text);
        }
    }
    return {};
}

Result<Parsed> parse_domain(std::string_view text, const ParseOptions& options) {
    PV_ASSIGN_OR_RETURN(const xml::Node root,
                        xml::read(text, "domain description", options.limits));
    if (root.name != "domain" || !root.uri.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::domain,
                          "line {}: the outermost element is <{}>, expected <domain>", root.line,
                          root.qualified_name());
    // A code of its own, which clients look for.
    if (const xml::Node* name = root.child("name"); name == nullptr || name->text().empty())
        return make_error(ErrorCode::no_name, ErrorDomain::domain, "missing name information");
    Parsed parsed;
    auto domain = xml::parse<Domain>(root, parsed.messages);
    if (options.validate) {
        domain = xml::by_schema(std::move(domain), parsed.messages);
        if (domain) PV_TRY(validate_shape(*domain));
    }
    PV_ASSIGN_OR_RETURN(parsed.domain, std::move(domain));
    PV_TRY(refuse_unknown_switches(parsed.messages));
    parsed.domain.notes = notes_from(parsed.messages);
    number_iothreads(parsed.domain);
    if (options.inactive)
        drop_live_state(parsed.domain);
    return parsed;
}

std::string format_domain(const Domain& domain, const FormatOptions& options) {
    Domain shown = domain;
    const auto& threads = shown.iothread_ids;
    if (std::all_of(threads.begin(), threads.end(), [](const IoThread& t) { return t.automatic; }))
        shown.iothread_ids.clear();
    if (options.inactive)
        drop_live_state(shown);
    if (!options.secure)
        drop_secrets(shown);
    if (options.migratable)
        drop_implied(shown);
    return xml::format("domain", shown);
}

Result<DocumentHead> read_head(std::string_view text) {
    return xml::read_head(text, "domain description");
}

} // namespace polyvirt::sdk::domain
