// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which features a description means, and how two compare.

#include "base/error_text.h"
#include "sdk/cpu/x86_guest.h"

namespace polyvirt::sdk::cpu {
namespace {

using domain::CpuPolicy;

// By policy: what a description says of features beside its model.
struct Policies {
    FeatureSet model, force, require, optional, disable, forbid;
};

FeatureSet& named(Policies& p, CpuPolicy policy) {
    switch (policy) {
    case CpuPolicy::force: return p.force;
    case CpuPolicy::optional: return p.optional;
    case CpuPolicy::disable: return p.disable;
    case CpuPolicy::forbid: return p.forbid;
    case CpuPolicy::unset:
    case CpuPolicy::require: break;
    }
    return p.require;
}

Result<Policies> sort_out(const domain::Cpu& cpu, bool guest) {
    const X86& x86 = X86::known();
    Policies p;
    if (cpu.model && !cpu.model->name.empty()) {
        const X86Model* model = x86.model(cpu.model->name);
        if (model == nullptr)
            return make_error(ErrorCode::internal_error, ErrorDomain::cpu, "Unknown CPU model {}", cpu.model->name);
        p.model = model->features;
    }
    for (const domain::CpuFeature& f : cpu.features) {
        const auto number = x86.feature(f.name);
        if (!number) return make_error(ErrorCode::internal_error, ErrorDomain::cpu, "Unknown CPU feature {}", f.name);
        named(p, guest ? f.policy : CpuPolicy::require).set(*number);
    }
    return p;
}

std::string names_of(const FeatureSet& set) {
    const auto& features = X86::known().features();
    std::string text;
    for (std::size_t i = 0; i < features.size(); i++) {
        if (!set[i]) continue;
        if (!text.empty()) text += ", ";
        text += features[i].name;
    }
    return text;
}

Verdict incompatible(std::string why) { return {Comparison::incompatible, std::move(why)}; }

} // namespace

Result<FeatureSet> features_of(const domain::Cpu& cpu, bool guest) {
    PV_ASSIGN_OR_RETURN(const Policies p, sort_out(cpu, guest));
    return (p.model | p.force | p.require) & ~(p.disable | p.forbid);
}

Result<Verdict> compare(const X86Host& host, const Description& wanted) {
    if (!wanted.arch.empty() && wanted.arch != "x86_64" && wanted.arch != "i686")
        return incompatible(fmt::format("CPU arch {} does not match host arch", wanted.arch));
    if (!wanted.cpu.vendor.empty() && wanted.cpu.vendor != vendor_name(host.vendor))
        return incompatible(fmt::format("host CPU vendor does not match required CPU vendor {}", wanted.cpu.vendor));
    PV_ASSIGN_OR_RETURN(const Policies p, sort_out(wanted.cpu, wanted.guest));
    if (const FeatureSet forbidden = p.forbid & host.features; forbidden.any())
        return incompatible("Host CPU provides forbidden features: " + names_of(forbidden));
    // A policy of its own takes a feature out of the model.
    const FeatureSet required = (p.model & ~(p.force | p.optional | p.disable | p.forbid)) | p.require;
    if (const FeatureSet missing = required & ~host.features; missing.any())
        return incompatible("Host CPU does not provide required features: " + names_of(missing));
    const FeatureSet extra = host.features & ~(required | p.optional | p.disable | p.force);
    if (extra.none()) return Verdict{Comparison::identical, {}};
    if (wanted.guest && wanted.cpu.match == domain::CpuMatch::strict)
        return incompatible("Host CPU does not strictly match guest CPU: Extra features: " + names_of(extra));
    return Verdict{Comparison::superset, {}};
}

} // namespace polyvirt::sdk::cpu
