// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What is known of x86 processors: the names of feature bits, and the CPU models as sets of these.
// Made once from x86_tables.h and never changed; any thread.
//
//     const X86& x86 = X86::known();
//     if (const auto f = x86.feature("avx2")) set.set(*f);

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polyvirt::sdk::cpu {

// Features by number; a lower number is printed first.
constexpr std::size_t kMaxFeatures = 256;
using FeatureSet = std::bitset<kMaxFeatures>;

enum class Register : std::uint8_t { eax, ebx, ecx, edx };

// Where a bit is read: CPUID with that leaf and subleaf in eax and ecx, or a model-specific register
// with `leaf` as its number (eax its lower half).
struct Word {
    bool msr = false;
    std::uint32_t leaf = 0, subleaf = 0;
    Register reg{};
    bool operator==(const Word&) const = default;
};

struct X86Feature {
    std::string_view name;
    Word word;
    unsigned bit = 0;
    // Whether a guest that has it can be moved to another host.
    bool migratable = true;
};

enum class X86Vendor : std::uint8_t { unknown, intel, amd, hygon };
std::string_view vendor_name(X86Vendor vendor);                  // "Intel"; empty: unknown
std::optional<X86Vendor> vendor_of_name(std::string_view name);  // never `unknown`
X86Vendor vendor_of_cpuid(std::string_view text);                // "GenuineIntel"

// What a processor says it is; all of them 0: it was not asked.
struct X86Signature {
    std::uint32_t family = 0, model = 0, stepping = 0;
    bool operator==(const X86Signature&) const = default;
};

struct X86Model {
    struct Part { // one family and model that it stands for
        std::uint32_t family = 0, model = 0, stepping_first = 0, stepping_last = 15;
    };
    std::string_view name;
    X86Vendor vendor{}; // unknown: any
    bool for_hosts = true, for_guests = true; // whether it may be chosen for one
    std::vector<Part> parts;
    FeatureSet features;
    // Features that the emulator's model once had: a guest that goes without one says so.
    FeatureSet removed;

    [[nodiscard]] bool stands_for(const X86Signature& signature) const;
};

class X86 {
  public:
    static const X86& known();

    [[nodiscard]] const std::vector<X86Feature>& features() const { return features_; }
    // Old models first.
    [[nodiscard]] const std::vector<X86Model>& models() const { return models_; }
    [[nodiscard]] std::optional<std::size_t> feature(std::string_view name) const;
    [[nodiscard]] const X86Model* model(std::string_view name) const;
    // The same feature by any name that emulators have for it: "sse4-1", "pclmulqdq", "xd".
    [[nodiscard]] std::optional<std::size_t> feature_of_emulator(std::string_view name) const;
    [[nodiscard]] const FeatureSet& migratable() const { return migratable_; }

  private:
    X86();
    [[nodiscard]] FeatureSet parse(std::string_view names) const;
    void read_words();
    void read_models();

    std::vector<X86Feature> features_;
    std::vector<X86Model> models_;
    std::vector<std::pair<std::string_view, std::size_t>> by_name_;  // sorted
    std::vector<std::pair<std::string, std::size_t>> by_spelling_;   // sorted
    FeatureSet migratable_;
};

// A feature's name as QEMU's command line wants it: "sse4.1", "ds-cpl", "pclmulqdq". Names that are no
// x86 feature get its dashes alone.
std::string emulator_name(std::string_view feature);

} // namespace polyvirt::sdk::cpu
