// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/xml/reader.h"

namespace polyvirt::qemu {
namespace {

Emulator sample_document() {
    Emulator e;
    e.path = "/usr/bin/qemu-system-x86_64";
    e.arch = "x86_64";
    e.version = 7'002'022;
    e.machines = {{"pc-q35-7.2", "q35", "qemu64", 288, false, false}, {"pc-i440fx-7.2", "pc", "qemu64", 255, true, false},
                  {"pc-1.0", "", "qemu64", 255, false, true}};
    e.tcg_cpus.models = {{"486", true, false, {}}, {"EPYC", false, false, {"svm"}}, {"EPYC-v9", true, false, {}}};
    e.devices = {"VGA", "virtio-blk-device"};
    return e;
}

TEST(Emulator, finds_machines_by_name_and_alias) {
    const Emulator e = sample_document();
    EXPECT_EQ(e.machine("pc")->name, "pc-i440fx-7.2");
    EXPECT_EQ(e.machine("pc-q35-7.2")->name, "pc-q35-7.2");
    EXPECT_EQ(e.machine("nothing"), nullptr);
    EXPECT_EQ(e.default_machine()->name, "pc-i440fx-7.2");
}

TEST(Documents, capabilities_list_the_default_machine_first) {
    HostFacts host;
    host.uuid = Uuid::random();
    host.arch = "x86_64";
    host.cpus = {{.id = 0, .siblings = "0"}, {.id = 1, .core = 1, .siblings = "1"}};
    const std::string text = format_capabilities(host, {std::make_shared<const Emulator>(sample_document())});
    const auto root = sdk::xml::read(text, "capabilities");
    ASSERT_TRUE(root) << root.error().message;
    EXPECT_EQ(root->child("host")->child("uuid")->text(), host.uuid.to_string());
    const auto* topology = root->child("host")->child("cpu")->child("topology");
    EXPECT_EQ(*topology->attribute("cores"), "2");
    const auto* machine = root->child("guest")->child("arch")->child("machine");
    ASSERT_NE(machine, nullptr);
    EXPECT_EQ(machine->text(), "pc");
    EXPECT_EQ(*machine->attribute("canonical"), "pc-i440fx-7.2");
}

TEST(Documents, domain_capabilities_offer_what_the_emulator_has) {
    const Emulator e = sample_document();
    const std::string text = format_domain_capabilities(e, *e.machine("q35"), "qemu", {});
    const auto root = sdk::xml::read(text, "domain capabilities");
    ASSERT_TRUE(root) << root.error().message;
    EXPECT_EQ(root->child("machine")->text(), "pc-q35-7.2");
    EXPECT_EQ(*root->child("vcpu")->attribute("max"), "288");
    EXPECT_THAT(text, testing::HasSubstr("<value>vga</value>"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("<value>cirrus</value>")));
    EXPECT_THAT(text, testing::HasSubstr("<model usable='no' vendor='AMD'>EPYC</model>"));
}

TEST(HostFacts, this_host_has_a_processor) {
    const HostFacts facts = read_host_facts(Uuid::random());
    EXPECT_FALSE(facts.cpus.empty());
    EXPECT_GT(facts.memory_kib, 0U);
    EXPECT_FALSE(facts.arch.empty());
}

} // namespace
} // namespace polyvirt::qemu
