// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/x86_decode.h"

#include <algorithm>
#include <optional>

#include "base/error_text.h"

namespace polyvirt::sdk::cpu {
namespace {

struct Candidate {
    X86Choice choice;
    std::size_t length = 0;   // of its description, with the penalty
    std::size_t penalty = 0;  // for what it has to say that is missing
    bool right_model = false; // it stands for this family and model
    bool source = false;      // the data come from it
};

// Steppings of Haswell whose transactional memory microcode took away: what is left of it must not count.
bool lost_transactions(const X86Data& d) {
    if (d.vendor != X86Vendor::intel || d.signature.family != 6) return false;
    const std::uint32_t model = d.signature.model;
    return model == 60 || model == 69 || model == 70 || (model == 63 && d.signature.stepping < 4);
}

// Bits that tell what the operating system switched on, and what counts a host's resources: no guest's.
FeatureSet without_hosts_own(FeatureSet set) {
    for (const char* name : {"osxsave", "ospke", "cmt", "mbm_total", "mbm_local"}) set.reset(*X86::known().feature(name));
    return set;
}

// A missing feature weighs more than an additional one, as software expects of a model what it always has;
// and the more of them there are, the more does each. Of every two the second costs nothing more.
std::size_t penalty_of(std::size_t missing) {
    const std::size_t pairs = (missing + 1) / 2;
    return pairs * (pairs + 1) / 2;
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
    const std::size_t missing = c.choice.disable.count();
    c.penalty = penalty_of(missing);
    c.length = c.choice.require.count() + missing + c.penalty;
    c.right_model = model.stands_for(data.signature);
    c.source = std::find(wish.sources.begin(), wish.sources.end(), model.name) != wish.sources.end();
    return c;
}

// Whether `next` describes better than `best`, which was tried before and is the newer model.
bool better(const Candidate& next, const Candidate& best) {
    if (best.right_model != next.right_model) return next.right_model;
    if (next.length < best.length) return true;
    return next.penalty < best.penalty && (next.source || next.length == best.length);
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
    FeatureSet features = usable_features(data);
    if (!wish.for_host) features = without_hosts_own(features);
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
