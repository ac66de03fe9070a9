// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/named_models.h"

#include <algorithm>
#include <span>

#include "base/error_text.h"
#include "sdk/cpu/x86.h"

namespace polyvirt::sdk::cpu {
namespace {

struct NamedModel {
    std::string_view name, vendor;
};
constexpr NamedModel kPower[] = {{"POWER6", "IBM"},  {"POWER7", "IBM"},  {"POWER8", "IBM"},
                                 {"POWER9", "IBM"},  {"POWER10", "IBM"}, {"POWERPC_e5500", "Freescale"},
                                 {"POWERPC_e6500", "Freescale"}};
constexpr NamedModel kArm[] = {{"cortex-a53", "ARM"},    {"cortex-a57", "ARM"},        {"cortex-a72", "ARM"},
                               {"Neoverse-N1", "ARM"},   {"Neoverse-N2", "ARM"},       {"Neoverse-V1", "ARM"},
                               {"Falkor", "Qualcomm"},   {"ThunderX299xx", "Cavium"},  {"a64fx", "Fujitsu"},
                               {"Kunpeng-920", "HiSilicon"}, {"FT-2000plus", "Phytium"}, {"Tengyun-S2500", "Phytium"}};

struct Family {
    std::string_view arch;
    std::span<const NamedModel> models;
};
constexpr Family kFamilies[] = {{"ppc64", kPower}, {"ppc64le", kPower}, {"aarch64", kArm},
                                {"armv6l", kArm},  {"armv7b", kArm},    {"armv7l", kArm}};

const Family* family_of(std::string_view arch) {
    const auto it = std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const Family& f) { return f.arch == arch; });
    return it != std::end(kFamilies) ? &*it : nullptr;
}

// "POWER8_v1.0" and "POWER7+_v2.1" are old names of what is one model.
std::string_view without_revision(std::string_view name) {
    const std::size_t end = name.find("_v");
    if (!name.starts_with("POWER") || end == std::string_view::npos) return name;
    name = name.substr(0, end);
    while (!name.empty() && (name.back() == '+' || name.back() == 'E')) name.remove_suffix(1);
    return name;
}

Result<const NamedModel*> find(const Family& family, const domain::Cpu& cpu) {
    const std::string_view name = cpu.model ? without_revision(cpu.model->name) : std::string_view();
    const auto it = std::find_if(family.models.begin(), family.models.end(), [&](const NamedModel& m) { return m.name == name; });
    if (it != family.models.end()) return &*it;
    return make_error(ErrorCode::internal_error, ErrorDomain::cpu, "Unknown CPU model {}", name);
}

} // namespace

std::optional<std::vector<std::string_view>> model_names(std::string_view arch) {
    std::vector<std::string_view> names;
    if (arch == "x86_64" || arch == "i686") {
        for (const X86Model& m : X86::known().models()) names.push_back(m.name);
        return names;
    }
    const Family* family = family_of(arch);
    if (family == nullptr) return std::nullopt;
    for (const NamedModel& m : family->models) names.push_back(m.name);
    return names;
}

Result<domain::Cpu> named_baseline(std::string_view arch, const std::vector<Description>& cpus) {
    const Family* family = family_of(arch);
    if (family == nullptr || cpus.empty())
        return make_error(ErrorCode::no_support, ErrorDomain::cpu, "cannot compute baseline CPU of {} architecture", arch);
    PV_ASSIGN_OR_RETURN(const NamedModel* base, find(*family, cpus.front().cpu));
    for (const Description& d : cpus) {
        PV_ASSIGN_OR_RETURN(const NamedModel* model, find(*family, d.cpu));
        if (model != base) return make_error(ErrorCode::operation_failed, ErrorDomain::cpu, "CPUs are incompatible");
        if (!d.cpu.vendor.empty() && d.cpu.vendor != model->vendor)
            return make_error(ErrorCode::operation_failed, ErrorDomain::cpu, "CPU vendor {} of model {} differs from vendor {}",
                              model->vendor, model->name, d.cpu.vendor);
    }
    domain::Cpu cpu;
    cpu.mode = domain::CpuMode::custom;
    cpu.match = domain::CpuMatch::exact;
    cpu.model.emplace().name = base->name;
    cpu.model->fallback = "forbid";
    return cpu;
}

} // namespace polyvirt::sdk::cpu
