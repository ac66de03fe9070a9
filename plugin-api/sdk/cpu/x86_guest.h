// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// x86 processors as documents describe them: which features a description means, how two compare, what
// several have in common, and what a guest's becomes on a given hypervisor. Pure; any thread.

#include <optional>
#include <string>
#include <vector>

#include "sdk/cpu/description.h"
#include "sdk/cpu/x86_decode.h"

namespace polyvirt::sdk::cpu {

// A choice as a guest's document has it: mode custom, match exact, no fallback.
domain::Cpu to_cpu(const X86Choice& choice);

// The features that a guest's description gives it: of its model, and by policies force and require; without
// those that it disables or forbids. Of a host's: all that it names.
// Errors of this and all below: internal_error for a model or feature that is not known.
Result<FeatureSet> features_of(const domain::Cpu& cpu, bool guest);

// What of a processor can be seen from outside: a host's, or the best that a hypervisor gives.
struct X86Host {
    FeatureSet features;
    X86Vendor vendor{};
};

enum class Comparison : std::uint8_t { incompatible = 0, identical = 1, superset = 2 }; // the wire's numbers
struct Verdict {
    Comparison result{};
    std::string why; // incompatible: a sentence
};
// Whether a guest with that processor can run there, and whether there is more than it wants.
Result<Verdict> compare(const X86Host& host, const Description& wanted);

struct BaselineWish {
    const X86Offers* offers = nullptr;      // the models to choose from; null: all
    const FeatureSet* available = nullptr;  // what the hypervisor can give at most; null: everything
    bool migratable = false;
};
// The best processor that is contained in all of them. Errors: operation_failed where there is none.
Result<domain::Cpu> baseline(const std::vector<Description>& cpus, const BaselineWish& wish);

// Every feature by name, those of the model as well, in alphabetical order.
Result<domain::Cpu> expand(domain::Cpu cpu);

// The hypervisor that a guest is to run on.
struct X86Hypervisor {
    X86Offers offers;                 // its models
    std::optional<X86Choice> best;    // what host-model stands for; nothing: it has no such mode
    std::optional<FeatureSet> known{}; // those that can be named to it; nothing: all
};
// The processor that the hypervisor is to be asked for: host-model, match minimum and optional features are
// resolved, a model that it does not have is replaced by one that it has (unless fallback forbids), and
// features that the model once had are said not to be there. A feature that cannot be named to it is never
// disabled: no guest of its has it. host-passthrough and maximum, and a description without a model, stay as they are. With check partial, what it cannot give is an error.
// Errors besides: cpu_incompatible; config_unsupported.
Result<domain::Cpu> realize(const domain::Cpu& wanted, const X86Hypervisor& hypervisor);

} // namespace polyvirt::sdk::cpu
