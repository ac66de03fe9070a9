// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a guest's processor becomes on a hypervisor.

#include <algorithm>

#include "base/error_text.h"
#include "sdk/cpu/x86_guest.h"

namespace polyvirt::sdk::cpu {
namespace {

using domain::CpuMode;
using domain::CpuPolicy;

domain::CpuFeature* find(domain::Cpu& cpu, std::string_view name) {
    const auto it = std::find_if(cpu.features.begin(), cpu.features.end(), [&](const auto& f) { return f.name == name; });
    return it != cpu.features.end() ? &*it : nullptr;
}

void set_feature(domain::Cpu& cpu, const domain::CpuFeature& wanted) {
    if (domain::CpuFeature* f = find(cpu, wanted.name)) f->policy = wanted.policy;
    else cpu.features.push_back(wanted);
}

// Model, vendor and features come from `from`; what else the guest says of its processor stays.
domain::Cpu with_model_of(const domain::Cpu& from, const domain::Cpu& guest) {
    domain::Cpu cpu = guest;
    cpu.mode = CpuMode::custom;
    cpu.match = domain::CpuMatch::exact;
    cpu.vendor = from.vendor;
    cpu.features = from.features;
    const std::string vendor_id = guest.model ? guest.model->vendor_id : std::string();
    cpu.model = from.model;
    cpu.model->vendor_id = vendor_id;
    for (const domain::CpuFeature& f : guest.features) set_feature(cpu, f);
    return cpu;
}

Error no_host_model() {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::cpu, "this hypervisor has no host CPU model");
}

// A model of the hypervisor for one that it does not have.
Result<domain::Cpu> translate(const domain::Cpu& guest, const X86Offers& offers) {
    const X86Model* model = X86::known().model(guest.model->name);
    if (model == nullptr) return guest; // the emulator has a name for it that nobody else knows
    if (guest.model->fallback == "forbid")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::cpu, "CPU model {} is not supported by hypervisor", model->name);
    X86Data data{model->features, model->vendor, {}};
    if (!model->parts.empty()) data.signature = {model->parts[0].family, model->parts[0].model, model->parts[0].stepping_first};
    PV_ASSIGN_OR_RETURN(const X86Choice choice, decode(data, {.offers = &offers}));
    domain::Cpu cpu = with_model_of(to_cpu(choice), guest);
    cpu.vendor = guest.vendor;
    return cpu;
}

void resolve_optional(domain::Cpu& cpu, const FeatureSet& there) {
    for (domain::CpuFeature& f : cpu.features) {
        if (f.policy != CpuPolicy::optional) continue;
        const auto number = X86::known().feature(f.name);
        f.policy = number && there[*number] ? CpuPolicy::require : CpuPolicy::disable;
    }
}

void disable_removed(domain::Cpu& cpu) {
    const X86& x86 = X86::known();
    const X86Model* model = x86.model(cpu.model->name);
    for (std::size_t i = 0; model != nullptr && i < x86.features().size(); i++) {
        const std::string name(x86.features()[i].name);
        if (model->removed[i] && find(cpu, name) == nullptr) cpu.features.push_back({CpuPolicy::disable, name});
    }
}

void drop_unknown(domain::Cpu& cpu, const FeatureSet& known) {
    std::erase_if(cpu.features, [&](const domain::CpuFeature& f) {
        const auto number = X86::known().feature(f.name);
        const bool off = f.policy == CpuPolicy::disable || f.policy == CpuPolicy::forbid;
        return off && number && !known[*number];
    });
}

FeatureSet all_of(const X86Choice& choice) { return (choice.model->features | choice.require) & ~choice.disable; }

Status check_partial(const domain::Cpu& cpu, const X86Choice& best) {
    PV_ASSIGN_OR_RETURN(const Verdict verdict, compare({all_of(best), best.vendor}, {.guest = true, .arch = {}, .cpu = cpu, .kept = {}}));
    if (verdict.result != Comparison::incompatible) return {};
    return make_error_text(ErrorCode::cpu_incompatible, ErrorDomain::cpu, verdict.why);
}

} // namespace

Result<domain::Cpu> realize(const domain::Cpu& wanted, const X86Hypervisor& hypervisor) {
    if (wanted.mode == CpuMode::host_passthrough || wanted.mode == CpuMode::maximum) return wanted;
    const bool like_host = wanted.mode == CpuMode::host_model || wanted.match == domain::CpuMatch::minimum;
    if (wanted.mode != CpuMode::host_model && (!wanted.model || wanted.model->name.empty())) return wanted;
    const bool optional = std::any_of(wanted.features.begin(), wanted.features.end(), [](const auto& f) { return f.policy == CpuPolicy::optional; });
    const bool partial = wanted.mode != CpuMode::host_model && wanted.check == domain::CpuCheck::partial;
    if ((like_host || optional || partial) && !hypervisor.best) return no_host_model();
    if (partial) PV_TRY(check_partial(wanted, *hypervisor.best));
    domain::Cpu cpu = like_host ? with_model_of(to_cpu(*hypervisor.best), wanted) : wanted;
    if (optional) resolve_optional(cpu, all_of(*hypervisor.best));
    disable_removed(cpu);
    if (!hypervisor.offers.contains(cpu.model->name)) {
        PV_ASSIGN_OR_RETURN(cpu, translate(cpu, hypervisor.offers));
    }
    if (hypervisor.known) drop_unknown(cpu, *hypervisor.known);
    return cpu;
}

} // namespace polyvirt::sdk::cpu
