// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities.h"

#include <algorithm>

#include <fmt/format.h>

#include "sdk/xml/writer.h"

namespace polyvirt::test {
namespace {

using sdk::xml::Writer;

constexpr std::string_view kModels[] = {
    "486", "pentium", "pentium2", "pentium3", "pentiumpro", "coreduo", "n270", "core2duo", "qemu32", "kvm32",
    "cpu64-rhel5", "cpu64-rhel6", "qemu64", "kvm64", "Conroe", "Penryn", "Nehalem", "Nehalem-IBRS", "Westmere",
    "Westmere-IBRS", "SandyBridge", "SandyBridge-IBRS", "IvyBridge", "IvyBridge-IBRS", "Haswell-noTSX",
    "Haswell-noTSX-IBRS", "Haswell", "Haswell-IBRS", "Broadwell-noTSX", "Broadwell-noTSX-IBRS", "Broadwell",
    "Broadwell-IBRS", "Skylake-Client", "Skylake-Client-IBRS", "Skylake-Client-noTSX-IBRS", "Skylake-Server",
    "Skylake-Server-IBRS", "Skylake-Server-noTSX-IBRS", "Cascadelake-Server", "Cascadelake-Server-noTSX",
    "Icelake-Client", "Icelake-Client-noTSX", "Icelake-Server", "Icelake-Server-noTSX", "Cooperlake", "Snowridge",
    "athlon", "phenom", "Opteron_G1", "Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5", "EPYC", "EPYC-IBPB",
    "EPYC-Rome", "EPYC-Milan", "Dhyana",
};

// The host: two cells of eight processors, with pages of three sizes each.
struct Cell {
    std::uint64_t kib;
    std::uint32_t page_kib;
    std::uint64_t pages;
};
constexpr Cell kCells[] = {{2'097'152, 4, 524'288}, {4'194'304, 8, 524'288}};
constexpr std::uint32_t kPageSizes[] = {4, 8, 2048, 1'048'576};
constexpr std::uint32_t kCpusPerCell = 8;

std::string number(std::uint64_t v) { return fmt::format("{}", v); }

void element(Writer& w, std::string_view name, std::string_view text) {
    w.open(name);
    if (!text.empty()) w.text(text);
    w.close();
}
void empty(Writer& w, std::string_view name) { element(w, name, {}); }

void features(Writer& w) {
    w.open("features");
    empty(w, "pae");
    empty(w, "nonpae");
    w.close();
}

void pages(Writer& w, std::uint32_t kib, std::string_view count) {
    w.open("pages");
    w.attribute("unit", "KiB");
    w.attribute("size", number(kib));
    if (!count.empty()) w.text(count);
    w.close();
}

void cell(Writer& w, std::uint32_t id) {
    const Cell& c = kCells[id];
    w.open("cell");
    w.attribute("id", number(id));
    w.open("memory");
    w.attribute("unit", "KiB");
    w.text(number(c.kib));
    w.close();
    pages(w, c.page_kib, number(c.pages));
    pages(w, 2048, "0");
    pages(w, 1'048'576, "0");
    w.open("cpus");
    w.attribute("num", number(kCpusPerCell));
    for (std::uint32_t i = 0; i < kCpusPerCell; ++i) {
        const std::uint32_t cpu = id * kCpusPerCell + i;
        w.open("cpu");
        w.attribute("id", number(cpu));
        w.attribute("socket_id", number(id));
        w.attribute("die_id", "0");
        w.attribute("core_id", number(i));
        w.attribute("siblings", number(cpu));
        w.close();
    }
    w.close();
    w.close();
}

void host(Writer& w) {
    w.open("host");
    w.open("cpu");
    element(w, "arch", "i686");
    features(w);
    for (const std::uint32_t size : kPageSizes) pages(w, size, {});
    w.close();
    empty(w, "power_management");
    w.open("iommu");
    w.attribute("support", "no");
    w.close();
    w.open("topology");
    w.open("cells");
    w.attribute("num", number(std::size(kCells)));
    for (std::uint32_t id = 0; id < std::size(kCells); ++id) cell(w, id);
    w.close();
    w.close();
    w.open("secmodel");
    element(w, "model", "testSecurity");
    empty(w, "doi");
    w.close();
    w.close();
}

void guest(Writer& w, std::string_view os) {
    w.open("guest");
    element(w, "os_type", os);
    w.open("arch");
    w.attribute("name", "i686");
    element(w, "wordsize", "32");
    element(w, "emulator", "/usr/bin/test-hv");
    w.open("domain");
    w.attribute("type", "test");
    w.close();
    w.close();
    features(w);
    w.close();
}

} // namespace

std::string format_capabilities() {
    Writer w;
    w.open("capabilities");
    host(w);
    guest(w, "hvm");
    guest(w, "xen");
    w.close();
    return w.take();
}

std::string format_domain_capabilities(std::string_view emulator, std::int32_t max_vcpus) {
    Writer w;
    w.open("domainCapabilities");
    element(w, "path", emulator);
    element(w, "domain", "test");
    element(w, "arch", "i686");
    w.open("vcpu");
    w.attribute("max", fmt::format("{}", max_vcpus));
    w.close();
    for (const std::string_view name : {"os", "cpu", "devices", "features"}) {
        w.open(name);
        if (name == "os") w.attribute("supported", "yes");
        w.close();
    }
    w.close();
    return w.take();
}

std::string format_sysinfo() {
    constexpr std::pair<std::string_view, std::string_view> kEntries[] = {
        {"vendor", "LENOVO"}, {"version", "G4ETA1WW (2.61 )"}, {"date", "05/07/2014"}, {"release", "2.61"}};
    Writer w;
    w.open("sysinfo");
    w.attribute("type", "smbios");
    w.open("bios");
    for (const auto& [name, text] : kEntries) {
        w.open("entry");
        w.attribute("name", name);
        w.text(text);
        w.close();
    }
    w.close();
    w.close();
    return w.take();
}

std::span<const std::string_view> cpu_models() { return kModels; }

bool is_cpu_model(std::string_view name) { return std::find(std::begin(kModels), std::end(kModels), name) != std::end(kModels); }

std::size_t cpu_model_age(std::string_view name) {
    return static_cast<std::size_t>(std::find(std::begin(kModels), std::end(kModels), name) - std::begin(kModels));
}

} // namespace polyvirt::test
