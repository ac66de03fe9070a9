// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "sdk/host/host_facts.h"

namespace polyvirt::sdk {
namespace {

using xml::Writer;
using Attributes = std::initializer_list<std::pair<const char*, std::string>>;

void leaf(Writer& w, const char* name, Attributes attributes = {}, std::string_view text = {}) {
    w.open(name);
    for (const auto& [key, value] : attributes) w.attribute(key, value);
    if (!text.empty()) w.text(text);
    w.close();
}
void text(Writer& w, const char* name, std::string_view value) { leaf(w, name, {}, value); }

// The model that describes the processor, and what it has beside that. Not known: left out.
void format_processor(Writer& w, const HostFacts& h, const std::optional<cpu::X86Choice>& choice) {
    if (choice) text(w, "model", choice->model->name);
    if (h.processor.vendor != cpu::X86Vendor::unknown) text(w, "vendor", cpu::vendor_name(h.processor.vendor));
    if (!h.microcode.empty()) leaf(w, "microcode", {{"version", h.microcode}});
    const cpu::X86Signature& s = h.processor.signature;
    if (s.family != 0)
        leaf(w, "signature",
             {{"family", std::to_string(s.family)},
              {"model", std::to_string(s.model)},
              {"stepping", std::to_string(s.stepping)}});
}

void format_cpu(Writer& w, const HostFacts& h, bool whole) {
    std::optional<cpu::X86Choice> choice;
    if (whole && h.processor.features.any()) {
        if (const auto decoded = cpu::decode(h.processor, {.for_host = true})) choice = *decoded;
    }
    w.open("cpu");
    text(w, "arch", h.arch);
    if (whole) {
        format_processor(w, h, choice);
        leaf(w, "topology",
             {{"sockets", std::to_string(h.sockets())},
              {"dies", "1"},
              {"cores", std::to_string(h.cores())},
              {"threads", std::to_string(h.threads())}});
    }
    if (whole && h.address_bits != 0)
        leaf(w, "maxphysaddr", {{"mode", "emulate"}, {"bits", std::to_string(h.address_bits)}});
    const auto& features = cpu::X86::known().features();
    for (std::size_t i = 0; choice && i < features.size(); i++) {
        if (choice->require[i]) leaf(w, "feature", {{"name", std::string(features[i].name)}});
    }
    for (const std::uint64_t kib : h.page_kib) leaf(w, "pages", {{"unit", "KiB"}, {"size", std::to_string(kib)}});
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
        leaf(w, "cpu",
             {{"id", std::to_string(c.id)},
              {"socket_id", std::to_string(c.socket)},
              {"die_id", std::to_string(c.die)},
              {"core_id", std::to_string(c.core)},
              {"siblings", c.siblings}});
    for (int i = 0; i < 4; i++) w.close();
}

void format_caches(Writer& w, const HostFacts& h) {
    if (h.caches.empty()) return;
    w.open("cache");
    for (const HostCache& c : h.caches) {
        const bool mib = c.size_kib % 1024 == 0;
        leaf(w, "bank",
             {{"id", std::to_string(c.id)},
              {"level", std::to_string(c.level)},
              {"type", c.type},
              {"size", std::to_string(mib ? c.size_kib / 1024 : c.size_kib)},
              {"unit", mib ? "MiB" : "KiB"},
              {"cpus", c.cpus}});
    }
    w.close();
}

} // namespace

void format_host(Writer& w, const HostFacts& h, const HostOptions& options) {
    w.open("host");
    text(w, "uuid", h.uuid.to_string());
    format_cpu(w, h, options.processor);
    leaf(w, "power_management");
    leaf(w, "iommu", {{"support", "no"}});
    if (options.live_migration) {
        w.open("migration_features");
        leaf(w, "live");
        w.open("uri_transports");
        text(w, "uri_transport", "tcp");
        w.close();
        w.close();
    }
    format_topology(w, h);
    format_caches(w, h);
    w.open("secmodel");
    text(w, "model", "none");
    text(w, "doi", "0");
    w.close();
    if (!h.dac_label.empty()) {
        w.open("secmodel");
        text(w, "model", "dac");
        text(w, "doi", "0");
        for (const char* type : {"kvm", "qemu"}) {
            w.open("baselabel");
            w.attribute("type", type);
            w.text(h.dac_label);
            w.close();
        }
        w.close();
    }
    w.close();
}

} // namespace polyvirt::sdk
