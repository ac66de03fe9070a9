// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "cpu/offer.h"

namespace polyvirt::qemu {
namespace {

namespace cpu = sdk::cpu;

cpu::FeatureSet features_of(const std::vector<std::string>& emulator_names) {
    cpu::FeatureSet set;
    for (const std::string& name : emulator_names) {
        if (const auto feature = cpu::X86::known().feature_of_emulator(name)) set.set(*feature);
    }
    return set;
}

} // namespace

bool is_x86(std::string_view arch) { return arch == "x86_64" || arch == "i686"; }

cpu::X86Data data_of(const CpuOffer& offer) {
    return {features_of(offer.features), cpu::vendor_of_cpuid(offer.vendor), {offer.family, offer.model, offer.stepping}};
}

cpu::FeatureSet known_to(const CpuOffer& offer) { return features_of(offer.known); }

cpu::X86Offers models_of(const CpuOffer& offer) {
    cpu::X86Offers models;
    for (const CpuModel& m : offer.models) models.emplace(m.name, features_of(m.missing));
    return models;
}

std::optional<cpu::X86Choice> host_model(const CpuOffer& offer) {
    if (offer.features.empty()) return std::nullopt;
    const cpu::X86Offers models = models_of(offer);
    const auto choice = cpu::decode(data_of(offer), {.offers = &models, .migratable = true});
    return choice ? std::optional(*choice) : std::nullopt;
}

cpu::X86Hypervisor hypervisor_of(const CpuOffer& offer) {
    cpu::X86Hypervisor h{models_of(offer), host_model(offer)};
    if (!offer.known.empty()) h.known = known_to(offer);
    return h;
}

Status realize_cpu(sdk::domain::Domain& domain, const Emulator& emulator) {
    if (!domain.cpu || !is_x86(domain.os.type.arch)) return {};
    PV_ASSIGN_OR_RETURN(domain.cpu, cpu::realize(*domain.cpu, hypervisor_of(emulator.cpus(domain.type))));
    return {};
}

} // namespace polyvirt::qemu
