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

void format_cpu(Writer& w, const HostFacts& h) {
    w.open("cpu");
    text(w, "arch", h.arch);
    if (!h.vendor.empty()) text(w, "vendor", h.vendor);
    if (h.family != 0)
        leaf(w, "signature", {{"family", std::to_string(h.family)}, {"model", std::to_string(h.model)}, {"stepping", std::to_string(h.stepping)}});
    leaf(w, "topology", {{"sockets", std::to_string(h.sockets())}, {"dies", "1"}, {"cores", std::to_string(h.cores())},
                         {"threads", std::to_string(h.threads())}});
    leaf(w, "pages", {{"unit", "KiB"}, {"size", "4"}});
    w.close();
}

// One cell: memory nodes of the host come with the issue of NUMA.
void format_topology(Writer& w, const HostFacts& h) {
    w.open("topology");
    w.open("cells");
    w.attribute("num", "1");
    w.open("cell");
    w.attribute("id", "0");
    leaf(w, "memory", {{"unit", "KiB"}}, std::to_string(h.memory_kib));
    leaf(w, "pages", {{"unit", "KiB"}, {"size", "4"}}, std::to_string(h.memory_kib / 4));
    w.open("cpus");
    w.attribute("num", std::to_string(h.cpus.size()));
    for (const HostCpu& c : h.cpus)
        leaf(w, "cpu", {{"id", std::to_string(c.id)}, {"socket_id", std::to_string(c.socket)}, {"die_id", std::to_string(c.die)},
                        {"core_id", std::to_string(c.core)}, {"siblings", c.siblings}});
    for (int i = 0; i < 4; i++) w.close();
}

void format_host(Writer& w, const HostFacts& h) {
    w.open("host");
    text(w, "uuid", h.uuid.to_string());
    format_cpu(w, h);
    leaf(w, "power_management");
    leaf(w, "iommu", {{"support", "no"}});
    w.open("migration_features");
    leaf(w, "live");
    w.open("uri_transports");
    text(w, "uri_transport", "tcp");
    w.close();
    w.close();
    format_topology(w, h);
    w.open("secmodel");
    text(w, "model", "none");
    text(w, "doi", "0");
    w.close();
    w.close();
}

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

// --- domain capabilities ---

class Listing {
  public:
    Listing(Writer& w, const Emulator& e) : w_(w), e_(e) {}

    void begin(const char* name, bool supported) {
        w_.open(name);
        w_.attribute("supported", supported ? "yes" : "no");
    }
    void end() { w_.close(); }
    void values(const char* name, std::initializer_list<std::string_view> list) {
        w_.open("enum");
        w_.attribute("name", name);
        for (const std::string_view v : list) text(w_, "value", v);
        w_.close();
    }
    // Values whose device the emulator has; an empty device: always.
    void having(const char* name, std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
        w_.open("enum");
        w_.attribute("name", name);
        for (const auto& [value, device] : list) {
            if (device.empty() || e_.has_device(device)) text(w_, "value", value);
        }
        w_.close();
    }

  private:
    Writer& w_;
    const Emulator& e_;
};

void format_os(Writer& w, Listing& l) {
    w.open("os");
    w.attribute("supported", "yes");
    leaf(w, "enum", {{"name", "firmware"}});
    l.begin("loader", true);
    l.values("type", {"rom"});
    l.values("readonly", {"yes", "no"});
    l.values("secure", {"no"});
    l.end();
    w.close();
}

void format_cpu_modes(Writer& w, const Emulator& e, std::string_view virt_type) {
    const auto mode = [&](const char* name, bool supported) {
        w.open("mode");
        w.attribute("name", name);
        w.attribute("supported", supported ? "yes" : "no");
    };
    w.open("cpu");
    mode("host-passthrough", virt_type == "kvm");
    w.close();
    mode("maximum", true);
    w.close();
    // Needs the table of CPU models that comes with its own issue.
    mode("host-model", false);
    w.close();
    mode("custom", !e.cpus.empty());
    for (const CpuModel& c : e.cpus) leaf(w, "model", {{"usable", c.usable ? "yes" : "no"}}, c.name);
    w.close();
    w.close();
}

void format_devices(Writer& w, Listing& l) {
    w.open("devices");
    l.begin("disk", true);
    l.values("diskDevice", {"disk", "cdrom", "floppy"});
    l.having("bus", {{"ide", "ide-hd"}, {"fdc", "floppy"}, {"scsi", "scsi-hd"}, {"virtio", "virtio-blk-device"},
                     {"usb", "usb-storage"}, {"sata", "ahci"}});
    l.values("model", {"virtio", "virtio-transitional", "virtio-non-transitional"});
    l.end();
    l.begin("graphics", true);
    l.values("type", {"vnc"});
    l.end();
    l.begin("video", true);
    l.having("modelType", {{"vga", "VGA"}, {"cirrus", "cirrus-vga"}, {"vmvga", "vmware-svga"}, {"qxl", "qxl-vga"},
                           {"virtio", "virtio-gpu-device"}, {"none", ""}, {"bochs", "bochs-display"}, {"ramfb", "ramfb"}});
    l.end();
    l.begin("hostdev", false);
    l.end();
    l.begin("rng", true);
    l.having("model", {{"virtio", "virtio-rng-device"}});
    l.values("backendModel", {"random", "builtin"});
    l.end();
    l.begin("filesystem", false);
    l.end();
    l.begin("tpm", false);
    l.end();
    w.close();
}

void format_features(Writer& w) {
    w.open("features");
    for (const char* feature : {"gic", "vmcoreinfo", "genid", "backingStoreInput", "backup"})
        leaf(w, feature, {{"supported", "no"}});
    leaf(w, "sev", {{"supported", "no"}});
    w.close();
}

} // namespace

std::string format_capabilities(const HostFacts& host, const std::vector<EmulatorPtr>& emulators) {
    Writer w;
    w.open("capabilities");
    format_host(w, host);
    for (const EmulatorPtr& e : emulators) format_guest(w, *e);
    w.close();
    return w.take();
}

std::string format_domain_capabilities(const Emulator& e, const Machine& machine, std::string_view virt_type) {
    Writer w;
    Listing l(w, e);
    w.open("domainCapabilities");
    text(w, "path", e.path);
    text(w, "domain", virt_type);
    text(w, "machine", machine.name);
    text(w, "arch", e.arch);
    leaf(w, "vcpu", {{"max", std::to_string(machine.max_cpus)}});
    leaf(w, "iothreads", {{"supported", "no"}});
    format_os(w, l);
    format_cpu_modes(w, e, virt_type);
    leaf(w, "memoryBacking", {{"supported", "no"}});
    format_devices(w, l);
    format_features(w);
    w.close();
    return w.take();
}

} // namespace polyvirt::qemu
