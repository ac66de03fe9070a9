// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/cpu/named_models.h"
#include "sdk/cpu/x86_guest.h"

namespace polyvirt::sdk::cpu {
namespace {

using domain::CpuMode;
using domain::CpuPolicy;
using testing::HasSubstr;

FeatureSet set(std::initializer_list<const char*> names) {
    FeatureSet s;
    for (const char* name : names) s.set(*X86::known().feature(name));
    return s;
}
FeatureSet model(const char* name) { return X86::known().model(name)->features; }

std::string print(const FeatureSet& s) {
    std::string text;
    for (const X86Feature& f : X86::known().features()) {
        if (s[*X86::known().feature(f.name)]) text += std::string(f.name) + " ";
    }
    return text;
}
std::string print(const domain::Cpu& cpu) {
    std::string text = cpu.model->name + (cpu.vendor.empty() ? "" : "/" + cpu.vendor);
    for (const auto& f : cpu.features) text += std::string(f.policy == CpuPolicy::require ? " +" : " -") + f.name;
    return text;
}

// --- decode

struct DecodeCase {
    const char* what;
    X86Data data;
    X86Wish wish;
    const char *model, *require, *disable;
};

TEST(Decode, finds_the_model_that_describes_best) {
    const X86Data skylake{model("Skylake-Server") | set({"ss", "ht"}), X86Vendor::intel, {6, 85, 4}};
    const DecodeCase cases[] = {
        {"a model as it is", {model("Nehalem"), X86Vendor::intel, {}}, {}, "Nehalem", "", ""},
        {"a model and more", {model("Penryn") | set({"vmx", "ht"}), X86Vendor::intel, {}}, {}, "Penryn", "ht vmx ", ""},
        {"one that is missing is better than many that are added",
         {model("Haswell") & ~set({"avx2"}), X86Vendor::intel, {}}, {}, "Haswell", "", "avx2 "},
        {"a few that are added are better than many that are missing",
         {model("SandyBridge") | set({"pcid", "movbe"}), X86Vendor::intel, {}}, {}, "SandyBridge", "pcid movbe ", ""},
        {"the model that the data come from need only lack less",
         {model("486") | set({"tsc", "msr", "cx8", "mmx", "avx2"}), X86Vendor::unknown, {}}, {.sources = {"486"}}, "486", "tsc msr cx8 mmx avx2 ", ""},
        {"what only a host has is left out of a guest's",
         {model("Nehalem") | set({"osxsave", "cmt"}), X86Vendor::intel, {}}, {}, "Nehalem", "", ""},
        {"the family and model of the processor decide", skylake, {.for_host = true}, "Skylake-Server", "ss ht ", ""},
        {"models of other vendors do not count", {model("qemu64"), X86Vendor::amd, {}}, {}, "qemu64", "", ""},
        {"the preferred model wins", {model("Nehalem"), X86Vendor::intel, {}}, {.preferred = "Conroe"}, "Conroe",
         "cx16 sse4.1 sse4.2 popcnt ", ""},
        {"what binds to a host is left out on demand", {model("Nehalem") | set({"invtsc", "ht"}), X86Vendor::intel, {}},
         {.migratable = true}, "Nehalem", "ht ", ""},
        {"a feature that the emulator's model once had is said to be missing", {model("EPYC"), X86Vendor::amd, {}}, {}, "EPYC", "", "monitor "},
        {"but not where it is there", {model("EPYC") | set({"monitor"}), X86Vendor::amd, {}}, {}, "EPYC", "monitor ", ""},
        {"transactions that microcode took away", {model("Haswell"), X86Vendor::intel, {6, 60, 3}}, {.for_host = true}, "Haswell-noTSX", "", ""},
    };
    for (const DecodeCase& c : cases) {
        const auto choice = decode(c.data, c.wish);
        ASSERT_TRUE(choice) << c.what;
        EXPECT_EQ(choice->model->name, c.model) << c.what;
        EXPECT_EQ(print(choice->require), c.require) << c.what;
        EXPECT_EQ(print(choice->disable), c.disable) << c.what;
    }
}

TEST(Decode, never_describes_a_host_by_what_it_lacks) {
    const auto choice = decode({model("Haswell") & ~set({"sse4.2"}), X86Vendor::intel, {6, 60, 3}}, {.for_host = true});
    ASSERT_TRUE(choice);
    EXPECT_TRUE(choice->disable.none());
    EXPECT_EQ(choice->model->name, "Penryn");
}

TEST(Decode, chooses_among_the_models_of_the_hypervisor) {
    const X86Offers offers{{"Conroe", set({"vme", "ht"})}, {"Penryn", set({"vme"})}};
    const X86Data nehalem{model("Nehalem"), X86Vendor::intel, {}};
    const auto choice = decode(nehalem, {.offers = &offers});
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->model->name, "Penryn");
    EXPECT_EQ(print(choice->disable), "vme ") << "what keeps the hypervisor's model from being usable";
    const auto refused = decode(nehalem, {.offers = &offers, .preferred = "Nehalem", .may_fall_back = false});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::config_unsupported);
    const X86Offers none;
    EXPECT_EQ(decode(nehalem, {.offers = &none}).error().code, ErrorCode::operation_failed);
}

// --- descriptions

TEST(Description, is_a_hosts_when_it_names_an_architecture) {
    const auto host = parse_description("<cpu><arch>x86_64</arch><model>Conroe</model><signature family='6'/><feature name='ht'/></cpu>", Kind::either);
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_FALSE(host->guest);
    const auto guest = parse_description("<cpu><model>Conroe</model></cpu>", Kind::either);
    ASSERT_TRUE(guest);
    EXPECT_TRUE(guest->guest);
    EXPECT_FALSE(parse_description("<cpu><model>Conroe</model></cpu>", Kind::host)->guest);
}

TEST(Description, says_what_is_wrong) {
    const struct {
        const char *xml, *message;
        Kind kind = Kind::either;
    } cases[] = {
        {"<cpu mode='custom'><model>Conroe</model></cpu>", "mode is only allowed for guest CPU", Kind::host},
        {"<cpu match='exact'><arch>x86_64</arch><model>Conroe</model></cpu>", "'match' attribute"},
        {"<cpu><arch>x86_64</arch></cpu>", "Missing CPU model name"},
        {"<cpu><arch>vax</arch><model>a</model></cpu>", "Unknown architecture vax"},
        {"<cpu><vendor>Intel</vendor></cpu>", "without CPU model"},
        {"<cpu><feature name='ht'/></cpu>", "Non-empty feature list"},
        {"<cpu><model>Conroe</model><feature name='ht'/><feature name='ht'/></cpu>", "specified more than once"},
        {"<cpu><model>Conroe</model><feature/></cpu>", "name"},
        {"<cpu mode='sideways'/>", "sideways"},
        {"<domain/>", "domain"},
        {"<cpu>", "CPU description"},
    };
    for (const auto& c : cases) {
        const auto parsed = parse_description(c.xml, c.kind);
        ASSERT_FALSE(parsed) << c.xml;
        EXPECT_THAT(parsed.error().message, HasSubstr(c.message)) << c.xml;
    }
}

TEST(Description, unknown_elements_are_refused_on_demand) {
    const char* xml = "<cpu><model>Conroe</model><nonsense/></cpu>";
    EXPECT_TRUE(parse_description(xml, Kind::either));
    const auto refused = parse_description(xml, Kind::either, Unknown::refused);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::xml_invalid_schema);
    EXPECT_THAT(refused.error().message, HasSubstr("nonsense"));
    EXPECT_TRUE(parse_description("<cpu><arch>x86_64</arch><model>Conroe</model><microcode version='1'/></cpu>", Kind::either, Unknown::refused));
}

// --- compare

TEST(Compare, says_whether_a_guest_can_run) {
    const X86Host nehalem{model("Nehalem") | set({"ht"}), X86Vendor::intel};
    const struct {
        const char* xml;
        Comparison result;
        const char* why = "";
    } cases[] = {
        {"<cpu><model>Nehalem</model><feature name='ht'/></cpu>", Comparison::identical},
        {"<cpu><model>Nehalem</model></cpu>", Comparison::superset},
        {"<cpu><model>Conroe</model></cpu>", Comparison::superset},
        {"<cpu match='strict'><model>Conroe</model></cpu>", Comparison::incompatible, "Extra features: ht, cx16, sse4.1, sse4.2, popcnt"},
        {"<cpu><model>Westmere</model></cpu>", Comparison::incompatible, "does not provide required features: aes"},
        {"<cpu><model>Westmere</model><feature policy='disable' name='aes'/></cpu>", Comparison::superset},
        {"<cpu><model>Nehalem</model><feature policy='force' name='vmx'/></cpu>", Comparison::superset},
        {"<cpu><model>Nehalem</model><feature policy='optional' name='vmx'/></cpu>", Comparison::superset},
        {"<cpu><model>Nehalem</model><feature policy='require' name='vmx'/></cpu>", Comparison::incompatible, "vmx"},
        {"<cpu><model>Nehalem</model><feature policy='forbid' name='ht'/></cpu>", Comparison::incompatible, "provides forbidden features: ht"},
        {"<cpu><model>Nehalem</model><feature policy='forbid' name='vmx'/></cpu>", Comparison::superset},
        {"<cpu><model>Conroe</model><vendor>AMD</vendor></cpu>", Comparison::incompatible, "does not match required CPU vendor AMD"},
        {"<cpu><arch>ppc64</arch><model>POWER8</model></cpu>", Comparison::incompatible, "arch ppc64 does not match"},
        {"<cpu mode='host-passthrough'/>", Comparison::superset},
        {"<cpu><arch>x86_64</arch><model>Nehalem</model><feature name='vmx'/></cpu>", Comparison::incompatible, "vmx"},
    };
    for (const auto& c : cases) {
        const auto wanted = parse_description(c.xml, Kind::either);
        ASSERT_TRUE(wanted) << c.xml;
        const auto verdict = compare(nehalem, *wanted);
        ASSERT_TRUE(verdict) << c.xml;
        EXPECT_EQ(verdict->result, c.result) << c.xml << ": " << verdict->why;
        EXPECT_THAT(verdict->why, HasSubstr(c.why)) << c.xml;
    }
}

TEST(Compare, names_that_nobody_knows_are_errors) {
    for (const char* xml : {"<cpu><model>Yesterday</model></cpu>", "<cpu><model>Conroe</model><feature name='yesterday'/></cpu>"}) {
        const auto verdict = compare({}, *parse_description(xml, Kind::either));
        ASSERT_FALSE(verdict);
        EXPECT_THAT(verdict.error().message, HasSubstr("Unknown CPU"));
    }
}

// --- baseline

Result<std::vector<Description>> hosts(std::initializer_list<std::string> bodies) {
    std::vector<std::string> texts;
    for (const std::string& body : bodies) texts.push_back("<cpu><arch>x86_64</arch>" + body + "</cpu>");
    return parse_descriptions({texts.begin(), texts.end()}, Kind::host);
}

TEST(Baseline, is_what_all_have) {
    const struct {
        std::initializer_list<std::string> cpus;
        const char* result;
    } cases[] = {
        {{"<model>Nehalem</model><vendor>Intel</vendor>"}, "Nehalem/Intel"},
        {{"<model>Nehalem</model><vendor>Intel</vendor>", "<model>Penryn</model><vendor>Intel</vendor>"}, "Penryn/Intel"},
        {{"<model>Penryn</model><feature name='ht'/><feature name='vmx'/>", "<model>Penryn</model><feature name='ht'/>"}, "Penryn +ht"},
        {{"<model>Opteron_G1</model>", "<model>Opteron_G3</model><vendor>AMD</vendor>"}, "Opteron_G1"},
    };
    for (const auto& c : cases) {
        const auto cpus = hosts(c.cpus);
        ASSERT_TRUE(cpus) << cpus.error().message;
        const auto base = baseline(*cpus, {});
        ASSERT_TRUE(base) << c.result << ": " << base.error().message;
        EXPECT_EQ(print(*base), c.result);
    }
}

TEST(Baseline, says_why_there_is_none) {
    const struct {
        std::initializer_list<std::string> cpus;
        const char* why;
    } cases[] = {
        {{"<model>Penryn</model>", "<model>Opteron_G1</model>"}, "CPU vendors do not match"},
        {{"<model>Penryn</model><vendor>AMD</vendor>"}, "CPU vendor Intel of model Penryn differs from vendor AMD"},
        {{"<model>Penryn</model><vendor>Acme</vendor>"}, "Unknown CPU vendor Acme"},
        {{"<model>Yesterday</model>"}, "Unknown CPU model Yesterday"},
    };
    for (const auto& c : cases) {
        const auto base = baseline(*hosts(c.cpus), {});
        ASSERT_FALSE(base) << c.why;
        EXPECT_THAT(base.error().message, HasSubstr(c.why));
    }
    const FeatureSet nothing;
    EXPECT_THAT(baseline(*hosts({"<model>Penryn</model>"}), {.available = &nothing}).error().message, HasSubstr("CPUs are incompatible"));
    EXPECT_EQ(parse_descriptions({}, Kind::host).error().code, ErrorCode::invalid_arg);
}

TEST(Baseline, of_guests_leaves_out_what_they_disable) {
    const auto guest = parse_descriptions({"<cpu><model>Westmere</model><feature policy='disable' name='aes'/><feature policy='optional' name='vmx'/></cpu>"}, Kind::either);
    ASSERT_TRUE(guest);
    EXPECT_EQ(print(*baseline(*guest, {})), "Westmere -aes");
}

TEST(Expand, names_every_feature_in_alphabetical_order) {
    domain::Cpu cpu;
    cpu.model.emplace().name = "486";
    cpu.features = {{CpuPolicy::require, "ht"}, {CpuPolicy::disable, "vme"}};
    const auto all = expand(cpu);
    ASSERT_TRUE(all);
    EXPECT_EQ(print(*all), "486 +fpu +ht +pse -vme");
}

TEST(NamedBaseline, needs_one_model) {
    const auto power = [](std::initializer_list<const char*> models) {
        std::vector<Description> all;
        for (const char* name : models) {
            Description& d = all.emplace_back();
            d.arch = "ppc64";
            d.cpu.model.emplace().name = name;
        }
        return named_baseline("ppc64", all);
    };
    EXPECT_EQ(power({"POWER8", "POWER8_v1.0", "POWER8E_v2.1"})->model->name, "POWER8");
    EXPECT_THAT(power({"POWER8", "POWER7"}).error().message, HasSubstr("CPUs are incompatible"));
    EXPECT_THAT(power({"POWER1"}).error().message, HasSubstr("Unknown CPU model POWER1"));
    EXPECT_EQ(named_baseline("s390x", {}).error().code, ErrorCode::no_support);
}

// --- realize

class Realize : public testing::Test {
  protected:
    // An emulator with three models, whose best is a Nehalem with ht and without popcnt.
    Realize() {
        hypervisor_.offers = {{"Conroe", {}}, {"Nehalem", set({"popcnt"})}, {"EPYC", {}}};
        hypervisor_.best = *decode({(model("Nehalem") | set({"ht"})) & ~set({"popcnt"}), X86Vendor::intel, {}}, {.offers = &hypervisor_.offers});
    }
    [[nodiscard]] Result<domain::Cpu> realize(const char* xml) const {
        return cpu::realize(parse_description(xml, Kind::either)->cpu, hypervisor_);
    }
    X86Hypervisor hypervisor_;
};

TEST_F(Realize, gives_what_the_hypervisor_is_asked_for) {
    const struct {
        const char *xml, *result;
    } cases[] = {
        {"<cpu mode='host-model'/>", "Nehalem/Intel +ht -popcnt"},
        {"<cpu mode='host-model'><feature policy='disable' name='ht'/><feature policy='require' name='vmx'/></cpu>", "Nehalem/Intel -ht -popcnt +vmx"},
        {"<cpu match='minimum'><model>Conroe</model></cpu>", "Nehalem/Intel +ht -popcnt"},
        {"<cpu><model>Conroe</model><feature policy='optional' name='ht'/><feature policy='optional' name='vmx'/></cpu>", "Conroe +ht -vmx"},
        {"<cpu><model>EPYC</model></cpu>", "EPYC -monitor"},
        {"<cpu><model>EPYC</model><feature policy='require' name='monitor'/></cpu>", "EPYC +monitor"},
        {"<cpu><model>Westmere</model><feature name='vmx'/></cpu>", "Nehalem +aes -popcnt +vmx"},
        {"<cpu><model>of-the-emulator-alone</model></cpu>", "of-the-emulator-alone"},
    };
    for (const auto& c : cases) {
        auto cpu = realize(c.xml);
        ASSERT_TRUE(cpu) << c.xml << ": " << cpu.error().message;
        for (auto& f : cpu->features) {
            if (f.policy == CpuPolicy::unset) f.policy = CpuPolicy::require;
        }
        EXPECT_EQ(print(*cpu), c.result) << c.xml;
        EXPECT_NE(cpu->mode, CpuMode::host_model) << c.xml;
    }
}

TEST_F(Realize, does_not_disable_what_has_no_name) {
    hypervisor_.known = set({"ht", "popcnt"});
    const auto cpu = realize("<cpu><model>Conroe</model><feature policy='disable' name='ht'/><feature policy='disable' name='pconfig'/>"
                             "<feature policy='optional' name='cmt'/><feature policy='forbid' name='osxsave'/>"
                             "<feature policy='require' name='vmx'/><feature policy='disable' name='nobodys'/></cpu>");
    ASSERT_TRUE(cpu) << cpu.error().message;
    EXPECT_EQ(print(*cpu), "Conroe -ht +vmx -nobodys");
}

TEST_F(Realize, leaves_alone_what_the_hypervisor_decides) {
    EXPECT_EQ(realize("<cpu mode='maximum'/>")->mode, CpuMode::maximum);
    EXPECT_EQ(realize("<cpu mode='host-passthrough'/>")->mode, CpuMode::host_passthrough);
    EXPECT_FALSE(realize("<cpu><topology sockets='1' cores='2' threads='1'/></cpu>")->model);
}

TEST_F(Realize, keeps_vendor_id_and_topology_of_the_guest) {
    const auto cpu = realize("<cpu mode='host-model'><model vendor_id='AuthenticXXX'/><topology sockets='1' cores='2' threads='1'/></cpu>");
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->model->vendor_id, "AuthenticXXX");
    EXPECT_EQ(cpu->topology->cores, 2U);
}

TEST_F(Realize, refuses_what_cannot_be) {
    const auto forbidden = realize("<cpu><model fallback='forbid'>Westmere</model></cpu>");
    ASSERT_FALSE(forbidden);
    EXPECT_EQ(forbidden.error().code, ErrorCode::config_unsupported);
    const auto checked = realize("<cpu check='partial'><model>Westmere</model></cpu>");
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::cpu_incompatible);
    EXPECT_THAT(checked.error().message, HasSubstr("popcnt, aes"));
    EXPECT_TRUE(realize("<cpu check='partial'><model>Conroe</model></cpu>"));
    hypervisor_.best.reset();
    EXPECT_FALSE(realize("<cpu mode='host-model'/>"));
    EXPECT_TRUE(realize("<cpu><model>Conroe</model></cpu>"));
}

} // namespace
} // namespace polyvirt::sdk::cpu
