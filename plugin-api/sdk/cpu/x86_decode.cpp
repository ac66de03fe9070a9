// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/x86_decode.h"

#include <optional>

#include "base/error_text.h"

namespace polyvirt::sdk::cpu {
namespace {

struct Candidate {
    X86Choice choice;
    std::size_t length = 0;     // of its description
    bool right_model = false;   // it stands for this family and model
};

// Steppings of Haswell whose transactional memory microcode took away: what is left of it must not count.
bool lost_transactions(const X86Data& d) {
    if (d.vendor != X86Vendor::intel || d.signature.family != 6) return false;
    const std::uint32_t model = d.signature.model;
    return model == 60 || model == 69 || model == 70 || (model == 63 && d.signature.stepping < 4);
}

// A missing feature weighs more than an additional one, and each further one more than that before it:
// software expects of a model what it always has.
std::size_t length_of(const X86Choice& c) {
    const std::size_t missing = c.disable.count();
    return c.require.count() + missing * (missing + 1) / 2;
}

std::optional<Candidate> candidate(const X86Model& model, const FeatureSet& features, const X86Data& data, const X86Wish& wish) {
    if (!(wish.for_host ? model.for_hosts : model.for_guests)) return std::nullopt;
    if (data.vendor != X86Vendor::unknown && model.vendor != X86Vendor::unknown && model.vendor != data.vendor)
        return std::nullopt;
    Candidate c{.choice = {&model, features & ~model.features, model.features & ~features, data.vendor}};
    if (wish.for_host && c.choice.disable.any()) return std::nullopt;
    if (wish.offers != nullptr) {
        const auto offer = wish.offers->find(model.name);
        if (offer == wish.offers->end()) return std::nullopt;
        c.choice.disable |= offer->second & ~c.choice.require;
    }
    if (!wish.for_host) c.choice.disable |= model.removed & ~features;
    c.length = length_of(c.choice);
    c.right_model = model.stands_for(data.signature);
    return c;
}

// Whether `next` describes better than `best`, which was tried before and is the newer model.
bool better(const Candidate& next, const Candidate& best) {
    if (best.right_model != next.right_model) return next.right_model;
    return next.length < best.length;
}

} // namespace

FeatureSet usable_features(const X86Data& d) {
    FeatureSet set = d.features;
    if (!lost_transactions(d)) return set;
    const X86& x86 = X86::known();
    for (const char* name : {"hle", "rtm"}) set.reset(*x86.feature(name));
    return set;
}

Result<X86Choice> decode(const X86Data& data, const X86Wish& wish) {
    const X86& x86 = X86::known();
    const FeatureSet features = usable_features(data);
    std::optional<Candidate> best;
    for (auto model = x86.models().rbegin(); model != x86.models().rend(); ++model) {
        const bool preferred = !wish.preferred.empty() && model->name == wish.preferred;
        if (preferred && wish.offers != nullptr && !wish.offers->contains(model->name) && !wish.may_fall_back)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::cpu, "CPU model {} is not supported by hypervisor", model->name);
        const auto next = candidate(*model, features, data, wish);
        if (!next) continue;
        if (preferred || !best || better(*next, *best)) best = next;
        if (preferred) break;
    }
    if (!best) return make_error(ErrorCode::operation_failed, ErrorDomain::cpu, "Cannot find suitable CPU model for given data");
    // No model contains such a feature by itself without every guest of it being bound.
    if (wish.migratable) best->choice.require &= x86.migratable();
    return best->choice;
}

} // namespace polyvirt::sdk::cpu
