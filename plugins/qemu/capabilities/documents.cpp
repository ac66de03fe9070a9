// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/documents.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/core.h>

#include "sdk/xml/writer.h"

namespace polyvirt::qemu {
namespace {

using sdk::xml::Writer;
using Attributes = std::initializer_list<std::pair<const char*, std::string>>;

void leaf(Writer& w, const char* name, Attributes attributes = {}, std::string_view text = {}) {
    w.open(name);
    for (const auto& [key, value] : attributes) w.attribute(key, value);
    if (!text.empty()) w.text(text);
    w.close();
}
void text(Writer& w, const char* name, std::string_view value) { leaf(w, name, {}, value); }

void format_machines(Writer& w, const Emulator& e) {
    const auto one = [&](const Machine& m, bool alias) {
        w.open("machine");
        if (alias) w.attribute("canonical", m.name);
        w.attribute("maxCpus", std::to_string(m.max_cpus));
        if (!alias && m.deprecated) w.attribute("deprecated", "yes");
        w.text(alias ? m.alias : m.name);
        w.close();
    };
    // The default first: that is where clients look for it.
    std::vector<const Machine*> sorted;
    for (const Machine& m : e.machines) sorted.push_back(&m);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Machine* a, const Machine* b) { return a->is_default > b->is_default; });
    for (const Machine* m : sorted) {
        if (!m->alias.empty()) one(*m, true);
        one(*m, false);
    }
}

void format_guest(Writer& w, const Emulator& e) {
    const bool pc = e.arch == "i686" || e.arch == "x86_64";
    w.open("guest");
    text(w, "os_type", "hvm");
    w.open("arch");
    w.attribute("name", e.arch);
    text(w, "wordsize", e.arch.find("64") != std::string::npos || e.arch == "s390x" ? "64" : "32");
    text(w, "emulator", e.path);
    format_machines(w, e);
    leaf(w, "domain", {{"type", "qemu"}});
    if (e.kvm) leaf(w, "domain", {{"type", "kvm"}});
    w.close();
    w.open("features");
    if (e.arch == "i686") {
        leaf(w, "pae");
        leaf(w, "nonpae");
    }
    if (pc) {
        leaf(w, "acpi", {{"default", "on"}, {"toggle", "yes"}});
        leaf(w, "apic", {{"default", "on"}, {"toggle", "no"}});
    }
    leaf(w, "cpuselection");
    leaf(w, "deviceboot");
    leaf(w, "disksnapshot", {{"default", "on"}, {"toggle", "no"}});
    w.close();
    w.close();
}

} // namespace

std::string format_capabilities(const HostFacts& host, const std::vector<EmulatorPtr>& emulators) {
    Writer w;
    w.open("capabilities");
    sdk::format_host(w, host);
    for (const EmulatorPtr& e : emulators) format_guest(w, *e);
    w.close();
    return w.take();
}

} // namespace polyvirt::qemu
