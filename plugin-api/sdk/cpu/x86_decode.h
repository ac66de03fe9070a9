// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// From feature bits to the CPU model that describes them best. Pure; any thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/cpu/x86.h"

namespace polyvirt::sdk::cpu {

// What is known of a processor, real or imagined.
struct X86Data {
    FeatureSet features;
    X86Vendor vendor{};
    X86Signature signature;
};

// The models that a hypervisor has, each with the features that this host cannot give it.
using X86Offers = std::map<std::string, FeatureSet, std::less<>>;

struct X86Choice {
    const X86Model* model = nullptr; // never null in an answer
    FeatureSet require, disable;     // what the processor has beside the model, and lacks
    X86Vendor vendor{};
};

struct X86Wish {
    // A host's processor is never described by what it lacks, a guest's may be.
    bool for_host = false;
    const X86Offers* offers = nullptr; // null: every known model may be chosen
    std::string_view preferred{};      // chosen where it may be, however long the description
    // Models that the data come from: one of them need only lack less to be better.
    std::vector<std::string_view> sources{};
    // Where it is false, a preferred model that is not offered is an error.
    bool may_fall_back = true;
    bool migratable = false; // leaves out what binds to this host
};

// The features that count: without those that microcode took away from processors that still name them.
FeatureSet usable_features(const X86Data& data);

// Errors: operation_failed where no model fits, config_unsupported for a preferred model that is not
// offered.
Result<X86Choice> decode(const X86Data& data, const X86Wish& wish);

} // namespace polyvirt::sdk::cpu
