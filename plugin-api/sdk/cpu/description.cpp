// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/description.h"

#include <algorithm>
#include <set>

#include "base/error_text.h"
#include "sdk/xml/format.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::cpu {
namespace {

constexpr xml::RootName kRoot{"cpu", "CPU description", ErrorDomain::cpu};
constexpr xml::Limits kLimits{.bytes = 1 << 20, .depth = 20, .nodes = 20'000};
constexpr std::size_t kMaxDescriptions = 4096;

// Names that other tools have for architectures, beyond those that this host can emulate.
constexpr std::string_view kArchitectures[] = {
    "aarch64", "alpha",  "armv6l", "armv7b",  "armv7l",  "cris",   "i686",    "ia64",    "itanium", "lm32",
    "loongarch64", "m68k", "microblaze", "microblazeel", "mips", "mips64", "mips64el", "mipsel", "openrisc",
    "parisc",  "parisc64", "ppc",  "ppc64",   "ppc64le", "ppcemb", "riscv32", "riscv64", "s390",    "s390x",
    "sh4",     "sh4eb",  "sparc",  "sparc64", "unicore32", "x86_64", "xtensa", "xtensaeb"};

template <typename... A> Error unsupported(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::cpu, f, std::forward<A>(a)...);
}
template <typename... A> Error wrong(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::cpu, f, std::forward<A>(a)...);
}

Status check_host(const Description& v) {
    if (v.cpu.mode != domain::CpuMode::unset) return unsupported("Attribute mode is only allowed for guest CPU");
    if (!v.arch.empty() && std::find(std::begin(kArchitectures), std::end(kArchitectures), v.arch) == std::end(kArchitectures))
        return make_error(ErrorCode::internal_error, ErrorDomain::cpu, "Unknown architecture {}", v.arch);
    if (!v.cpu.model || v.cpu.model->name.empty()) return wrong("Missing CPU model name");
    return {};
}

Status check_features(const domain::Cpu& cpu) {
    std::set<std::string_view> seen;
    for (const domain::CpuFeature& f : cpu.features) {
        if (f.name.empty()) return wrong("Invalid CPU feature name");
        if (!seen.insert(f.name).second) return wrong("CPU feature '{}' specified more than once", f.name);
    }
    return {};
}

Status check(const Description& v) {
    if (!v.guest) PV_TRY(check_host(v));
    const bool has_model = v.cpu.model && !v.cpu.model->name.empty();
    if (!v.cpu.vendor.empty() && !has_model) return wrong("CPU vendor specified without CPU model");
    const bool custom = v.cpu.mode == domain::CpuMode::custom || v.cpu.mode == domain::CpuMode::unset;
    if (v.guest && custom && !has_model && !v.cpu.features.empty())
        return unsupported("Non-empty feature list specified without CPU model");
    return check_features(v.cpu);
}

} // namespace

void describe(xml::Binder& b, Description& v) {
    b.element("arch", v.arch);
    b.keep({"microcode", "counter", "signature", "pages"}, v.kept);
    domain::describe(b, v.cpu);
}

Result<Description> parse_description(std::string_view text, Kind kind, Unknown unknown) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kRoot.what, kLimits));
    PV_ASSIGN_OR_RETURN(xml::ParsedRoot<Description> parsed, xml::parse_root<Description>(root, kRoot));
    for (const xml::Message& m : parsed.messages.list) {
        if (unknown == Unknown::refused && m.kind != xml::Message::Kind::kept)
            return make_error_text(ErrorCode::xml_invalid_schema, ErrorDomain::cpu, m.text);
    }
    Description& v = parsed.value;
    v.guest = kind == Kind::either && root.child("arch") == nullptr;
    if (kind == Kind::either && !v.guest && v.cpu.match != domain::CpuMatch::unset)
        return wrong("'arch' element cannot be used inside 'cpu' element with 'match' attribute'");
    PV_TRY(check(v));
    return std::move(v);
}

Result<std::vector<Description>> parse_descriptions(const std::vector<std::string_view>& xmls, Kind kind) {
    if (xmls.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::cpu, "no CPUs given");
    if (xmls.size() > kMaxDescriptions)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::cpu, "{} CPUs are given, at most {} can be compared", xmls.size(), kMaxDescriptions);
    std::vector<Description> all;
    all.reserve(xmls.size());
    for (const std::string_view text : xmls) {
        PV_ASSIGN_OR_RETURN(Description one, parse_description(text, kind));
        all.push_back(std::move(one));
    }
    return all;
}

std::string format_cpu(const domain::Cpu& cpu) { return xml::format("cpu", cpu); }

} // namespace polyvirt::sdk::cpu
