// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/x86_tables.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/cpu/named_models.h"

namespace polyvirt::sdk::cpu {
namespace {

struct Place {
    std::string_view name;
    Word word;
    unsigned bit;
};
// From the processors' manuals, some of each register: a name too many or too few in a row moves all behind it.
constexpr Place kPlaces[] = {
    {"fpu", {false, 1, 0, Register::edx}, 0},        {"pbe", {false, 1, 0, Register::edx}, 31},
    {"sse2", {false, 1, 0, Register::edx}, 26},      {"pni", {false, 1, 0, Register::ecx}, 0},
    {"vmx", {false, 1, 0, Register::ecx}, 5},        {"hypervisor", {false, 1, 0, Register::ecx}, 31},
    {"xsave", {false, 1, 0, Register::ecx}, 26},     {"arat", {false, 6, 0, Register::eax}, 2},
    {"avx2", {false, 7, 0, Register::ebx}, 5},       {"avx512vl", {false, 7, 0, Register::ebx}, 31},
    {"pku", {false, 7, 0, Register::ecx}, 3},        {"la57", {false, 7, 0, Register::ecx}, 16},
    {"pks", {false, 7, 0, Register::ecx}, 31},       {"spec-ctrl", {false, 7, 0, Register::edx}, 26},
    {"ssbd", {false, 7, 0, Register::edx}, 31},      {"amx-tile", {false, 7, 0, Register::edx}, 24},
    {"avx512-bf16", {false, 7, 1, Register::eax}, 5}, {"xsaves", {false, 0xd, 1, Register::eax}, 3},
    {"syscall", {false, 0x80000001, 0, Register::edx}, 11}, {"nx", {false, 0x80000001, 0, Register::edx}, 20},
    {"lm", {false, 0x80000001, 0, Register::edx}, 29}, {"3dnow", {false, 0x80000001, 0, Register::edx}, 31},
    {"svm", {false, 0x80000001, 0, Register::ecx}, 2}, {"topoext", {false, 0x80000001, 0, Register::ecx}, 22},
    {"invtsc", {false, 0x80000007, 0, Register::edx}, 8}, {"ibpb", {false, 0x80000008, 0, Register::ebx}, 12},
    {"amd-ssbd", {false, 0x80000008, 0, Register::ebx}, 24}, {"npt", {false, 0x8000000a, 0, Register::edx}, 0},
    {"svme-addr-chk", {false, 0x8000000a, 0, Register::edx}, 28}, {"taa-no", {true, 0x10a, 0, Register::eax}, 8},
};

TEST(X86Features, stand_where_the_manuals_have_them) {
    const X86& x86 = X86::known();
    for (const Place& p : kPlaces) {
        const auto number = x86.feature(p.name);
        ASSERT_TRUE(number) << p.name;
        const X86Feature& f = x86.features()[*number];
        EXPECT_EQ(f.word, p.word) << p.name;
        EXPECT_EQ(f.bit, p.bit) << p.name;
    }
}

TEST(X86Features, no_bit_and_no_name_is_there_twice) {
    std::set<std::string_view> names;
    std::set<std::tuple<bool, std::uint32_t, std::uint32_t, int, unsigned>> bits;
    for (const X86Feature& f : X86::known().features()) {
        EXPECT_TRUE(names.insert(f.name).second) << f.name;
        EXPECT_LT(f.bit, 32U) << f.name;
        EXPECT_TRUE(bits.emplace(f.word.msr, f.word.leaf, f.word.subleaf, static_cast<int>(f.word.reg), f.bit).second) << f.name;
    }
}

TEST(X86Features, are_found_by_the_spellings_of_emulators) {
    const X86& x86 = X86::known();
    EXPECT_EQ(x86.feature_of_emulator("sse4-1"), x86.feature("sse4.1"));
    EXPECT_EQ(x86.feature_of_emulator("sse4_1"), x86.feature("sse4.1"));
    EXPECT_EQ(x86.feature_of_emulator("pclmulqdq"), x86.feature("pclmuldq"));
    EXPECT_EQ(x86.feature_of_emulator("lahf-lm"), x86.feature("lahf_lm"));
    EXPECT_EQ(x86.feature_of_emulator("xd"), x86.feature("nx"));
    EXPECT_EQ(x86.feature_of_emulator("l3-cache"), std::nullopt);
    EXPECT_EQ(x86.feature("sse4-1"), std::nullopt);
}

TEST(X86Features, are_named_as_the_emulator_wants_it) {
    EXPECT_EQ(emulator_name("pclmuldq"), "pclmulqdq");
    EXPECT_EQ(emulator_name("sse4.1"), "sse4.1");
    EXPECT_EQ(emulator_name("ds_cpl"), "ds-cpl");
    EXPECT_EQ(emulator_name("kvm_pv_eoi"), "kvm-pv-eoi");
}

TEST(X86Models, are_what_they_come_from_and_what_changes) {
    const X86& x86 = X86::known();
    const auto has = [&](const char* model, const char* feature) { return x86.model(model)->features[*x86.feature(feature)]; };
    EXPECT_TRUE(has("486", "fpu"));
    EXPECT_FALSE(has("486", "tsc"));
    EXPECT_TRUE(has("Haswell", "rtm"));
    EXPECT_FALSE(has("Haswell-noTSX", "rtm"));
    EXPECT_FALSE(has("Icelake-Server-noTSX", "hle"));
    EXPECT_TRUE(has("Icelake-Server-noTSX", "avx512vl"));
    EXPECT_TRUE(x86.model("EPYC")->removed[*x86.feature("monitor")]);
    EXPECT_TRUE(x86.model("EPYC-Rome")->removed.none()) << "what was removed is not handed on";
    EXPECT_EQ(x86.model("Opteron_G5")->vendor, X86Vendor::amd);
    EXPECT_EQ(x86.model("nothing"), nullptr);
}

// The number of features of each: a slip in one row shows in all that come from it.
TEST(X86Models, have_as_many_features_as_the_emulators_documentation_counts) {
    const std::pair<const char*, std::size_t> counts[] = {
        {"486", 3},         {"pentium", 9},           {"pentium3", 19},       {"qemu64", 27},  {"Conroe", 27},   {"Nehalem", 31},
        {"SandyBridge", 38}, {"IvyBridge", 44},       {"Haswell", 50},        {"Broadwell", 54}, {"Skylake-Client", 63},
        {"Skylake-Server", 70}, {"Cascadelake-Server", 74}, {"Icelake-Server", 85}, {"Cooperlake", 83}, {"Snowridge", 64},
        {"phenom", 31},     {"Opteron_G3", 33},       {"Opteron_G5", 47},     {"EPYC", 65},    {"EPYC-Rome", 76}, {"EPYC-Milan", 85},
        {"Dhyana", 63}};
    for (const auto& [name, count] : counts) EXPECT_EQ(X86::known().model(name)->features.count(), count) << name;
}

TEST(X86Models, stand_for_families_models_and_steppings) {
    const X86& x86 = X86::known();
    EXPECT_TRUE(x86.model("Skylake-Server")->stands_for({6, 85, 4}));
    EXPECT_FALSE(x86.model("Skylake-Server")->stands_for({6, 85, 7}));
    EXPECT_TRUE(x86.model("Cascadelake-Server")->stands_for({6, 85, 7}));
    EXPECT_TRUE(x86.model("Cooperlake")->stands_for({6, 85, 11}));
    EXPECT_TRUE(x86.model("Haswell")->stands_for({6, 60, 3}));
    EXPECT_FALSE(x86.model("qemu64")->stands_for({0, 0, 0}));
}

TEST(ModelNames, are_known_for_x86_power_and_arm) {
    EXPECT_THAT(*model_names("x86_64"), testing::Contains("Icelake-Server"));
    EXPECT_EQ(model_names("i686"), model_names("x86_64"));
    EXPECT_THAT(*model_names("ppc64le"), testing::Contains("POWER9"));
    EXPECT_THAT(*model_names("aarch64"), testing::Contains("cortex-a57"));
    EXPECT_EQ(model_names("vax"), std::nullopt);
}

} // namespace
} // namespace polyvirt::sdk::cpu
