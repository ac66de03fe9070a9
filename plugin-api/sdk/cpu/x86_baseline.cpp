// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What several processors have in common.

#include <algorithm>

#include "base/error_text.h"
#include "sdk/cpu/x86_guest.h"

namespace polyvirt::sdk::cpu {
namespace {

using domain::CpuPolicy;

Error failed(std::string text) { return make_error_text(ErrorCode::operation_failed, ErrorDomain::cpu, std::move(text)); }

std::string model_of(const domain::Cpu& cpu) { return cpu.model ? cpu.model->name : std::string(); }

// The one vendor of all, as far as they say.
class CommonVendor {
  public:
    // `implied`: by its model.
    Status add(const domain::Cpu& cpu, X86Vendor implied) {
        X86Vendor said = implied;
        if (!cpu.vendor.empty()) {
            const auto vendor = vendor_of_name(cpu.vendor);
            if (!vendor) return failed(fmt::format("Unknown CPU vendor {}", cpu.vendor));
            said = *vendor;
            if (implied != X86Vendor::unknown && implied != said)
                return failed(fmt::format("CPU vendor {} of model {} differs from vendor {}", vendor_name(implied), model_of(cpu), cpu.vendor));
        } else {
            all_say_it_ = false;
        }
        if (said == X86Vendor::unknown) return {};
        if (vendor_ != X86Vendor::unknown && vendor_ != said) return failed("CPU vendors do not match");
        vendor_ = said;
        return {};
    }
    [[nodiscard]] X86Vendor vendor() const { return vendor_; }
    [[nodiscard]] bool all_say_it() const { return all_say_it_; }

  private:
    X86Vendor vendor_{};
    bool all_say_it_ = true;
};

void add_features(domain::Cpu& cpu, const FeatureSet& set, CpuPolicy policy) {
    const auto& features = X86::known().features();
    for (std::size_t i = 0; i < features.size(); i++) {
        if (set[i]) cpu.features.push_back({policy, std::string(features[i].name)});
    }
}

} // namespace

domain::Cpu to_cpu(const X86Choice& choice) {
    domain::Cpu cpu;
    cpu.mode = domain::CpuMode::custom;
    cpu.match = domain::CpuMatch::exact;
    cpu.model.emplace().name = choice.model->name;
    cpu.model->fallback = "forbid";
    cpu.vendor = vendor_name(choice.vendor);
    add_features(cpu, choice.require, CpuPolicy::require);
    add_features(cpu, choice.disable & ~choice.model->removed, CpuPolicy::disable);
    add_features(cpu, choice.disable & choice.model->removed, CpuPolicy::disable);
    return cpu;
}

Result<domain::Cpu> baseline(const std::vector<Description>& cpus, const BaselineWish& wish) {
    FeatureSet common = wish.available != nullptr ? *wish.available : FeatureSet().set();
    CommonVendor vendor;
    for (std::size_t i = 0; i < cpus.size(); i++) {
        const domain::Cpu& cpu = cpus[i].cpu;
        if (model_of(cpu).empty())
            return make_error(ErrorCode::invalid_arg, ErrorDomain::cpu, "no CPU model specified at index {}", i);
        PV_ASSIGN_OR_RETURN(const FeatureSet features, features_of(cpu, cpus[i].guest));
        common &= features;
        PV_TRY(vendor.add(cpu, X86::known().model(model_of(cpu))->vendor));
    }
    if (common.none()) return failed("CPUs are incompatible");
    X86Wish search{.offers = wish.offers, .migratable = wish.migratable};
    for (const Description& d : cpus) search.sources.push_back(d.cpu.model->name);
    const bool same_model = std::all_of(cpus.begin(), cpus.end(), [&](const Description& d) { return model_of(d.cpu) == model_of(cpus[0].cpu); });
    if (same_model) search.preferred = cpus[0].cpu.model->name;
    PV_ASSIGN_OR_RETURN(const X86Choice choice, decode({common, vendor.vendor(), {}}, search));
    domain::Cpu result = to_cpu(choice);
    if (!same_model) result.model->fallback = "allow"; // what was asked about was not this model
    if (!vendor.all_say_it()) result.vendor.clear();
    return result;
}

Result<domain::Cpu> expand(domain::Cpu cpu) {
    PV_ASSIGN_OR_RETURN(const FeatureSet set, features_of(cpu, true));
    std::vector<domain::CpuFeature> absent;
    for (domain::CpuFeature& f : cpu.features) {
        if (f.policy == CpuPolicy::disable || f.policy == CpuPolicy::forbid) absent.push_back(std::move(f));
    }
    cpu.features = std::move(absent);
    add_features(cpu, set, CpuPolicy::require);
    std::sort(cpu.features.begin(), cpu.features.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return cpu;
}

} // namespace polyvirt::sdk::cpu
