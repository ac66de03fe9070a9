// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "cpu/offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "capabilities/documents.h"
#include "sdk/xml/reader.h"

namespace polyvirt::qemu {
namespace {

using testing::HasSubstr;
using testing::Not;

// An emulator whose richest processor is a Penryn with more and less.
Emulator sample() {
    Emulator e;
    e.path = "/usr/bin/qemu-system-x86_64";
    e.arch = "x86_64";
    e.machines = {{"pc-i440fx-7.2", "pc", "qemu64", 255, true, false}, {"pc-q35-7.2", "q35", "qemu64", 288, false, false}};
    CpuOffer& o = e.tcg_cpus;
    o.models = {{"Penryn", false, false, {"cx16"}}, {"Conroe", true, true, {}}, {"Penryn-v1", true, false, {}}};
    o.vendor = "GenuineIntel";
    o.family = 6;
    o.model = 23;
    for (const char* name : {"fpu", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "sep", "mtrr", "pge", "mca", "cmov", "pat", "pse36",
                             "clflush", "mmx", "fxsr", "sse", "sse2", "sse3", "ssse3", "sse4-1", "syscall", "nx", "lm", "lahf-lm", "xd", "ht", "l3-cache"})
        o.features.emplace_back(name);
    o.known = o.features;
    o.known.emplace_back("avx2");
    o.hyperv = {"spinlocks", "vendor-id"};
    o.can_migrate = true;
    e.devices = {"VGA", "scsi-hd", "virtio-blk-device"};
    e.objects = {"iothread", "rng-builtin"};
    e.displays = {"egl-headless"};
    e.commands = {"query-vnc"};
    return e;
}

TEST(CpuOffer, host_model_is_the_best_model_and_the_difference) {
    const auto choice = host_model(sample().tcg_cpus);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->model->name, "Penryn");
    const sdk::domain::Cpu cpu = sdk::cpu::to_cpu(*choice);
    ASSERT_EQ(cpu.features.size(), 2U);
    EXPECT_EQ(cpu.features[0].name, "ht");
    EXPECT_EQ(cpu.features[1].name, "cx16");
    EXPECT_EQ(cpu.features[1].policy, sdk::domain::CpuPolicy::disable);
    EXPECT_EQ(host_model({}), std::nullopt);
}

TEST(CpuOffer, knows_more_than_it_can_give) {
    const CpuOffer offer = sample().tcg_cpus;
    const auto avx2 = sdk::cpu::X86::known().feature("avx2");
    EXPECT_TRUE(known_to(offer)[*avx2]);
    EXPECT_FALSE(data_of(offer).features[*avx2]);
    EXPECT_EQ(data_of(offer).vendor, sdk::cpu::X86Vendor::intel);
}

TEST(CpuOffer, makes_a_guests_processor) {
    sdk::domain::Cpu wanted;
    wanted.mode = sdk::domain::CpuMode::host_model;
    const auto cpu = sdk::cpu::realize(wanted, hypervisor_of(sample().tcg_cpus));
    ASSERT_TRUE(cpu) << cpu.error().message;
    EXPECT_EQ(cpu->model->name, "Penryn");
    EXPECT_EQ(cpu->mode, sdk::domain::CpuMode::custom);
}

TEST(RealizeCpu, is_for_processors_of_x86_with_the_offer_of_the_domains_type) {
    sdk::domain::Domain d;
    d.type = "qemu";
    d.os.type.arch = "x86_64";
    EXPECT_TRUE(realize_cpu(d, sample()));
    EXPECT_FALSE(d.cpu);
    d.cpu.emplace().mode = sdk::domain::CpuMode::host_model;
    sdk::domain::Domain kvm = d, arm = d;
    ASSERT_TRUE(realize_cpu(d, sample()));
    EXPECT_EQ(d.cpu->model->name, "Penryn");
    kvm.type = "kvm";
    EXPECT_EQ(realize_cpu(kvm, sample()).error().code, ErrorCode::config_unsupported); // it offers nothing with KVM
    arm.os.type.arch = "aarch64";
    EXPECT_TRUE(realize_cpu(arm, sample()));
    EXPECT_EQ(arm.cpu->mode, sdk::domain::CpuMode::host_model);
}

TEST(EmulatorRecord, comes_back_as_it_was_kept) {
    const Emulator e = sample();
    const Emulator back = emulator_from_json(nlohmann::json::parse(emulator_to_json(e).dump()));
    EXPECT_EQ(emulator_to_json(back), emulator_to_json(e));
    EXPECT_EQ(back.tcg_cpus.models[0].missing, e.tcg_cpus.models[0].missing);
    EXPECT_TRUE(back.has_object("iothread"));
    EXPECT_THROW(emulator_from_json(nlohmann::json::object()), nlohmann::json::exception);
}

TEST(DomainCapabilities, list_what_the_emulator_and_the_host_have) {
    const Emulator e = sample();
    HostOffer host;
    host.interfaces = {"efi"};
    host.loaders = {"/usr/share/OVMF/OVMF_CODE.fd"};
    const std::string text = format_domain_capabilities(e, *e.machine("pc"), "qemu", host);
    ASSERT_TRUE(sdk::xml::read(text, "domain capabilities"));
    for (const char* there : {"<iothreads supported='yes'/>", "<value>efi</value>", "<value>ide</value>", "<value>scsi</value>", "<value>egl-headless</value>",
                              "<value>vnc</value>", "<value>builtin</value>", "<mode name='host-model' supported='yes'>", "<model fallback='forbid'>Penryn</model>",
                              "<feature policy='disable' name='cx16'/>", "<model usable='yes' deprecated='yes' vendor='Intel'>Conroe</model>",
                              "<value>vendor_id</value>", "OVMF_CODE.fd"})
        EXPECT_THAT(text, HasSubstr(there));
    for (const char* absent : {"<value>spice</value>", "<value>sata</value>", "Penryn-v1", "<value>egd</value>", "<value>emulator</value>"})
        EXPECT_THAT(text, Not(HasSubstr(absent)));
    EXPECT_THAT(format_domain_capabilities(e, *e.machine("q35"), "qemu", host), Not(HasSubstr("<value>ide</value>")));
}

TEST(Capabilities, describe_the_hosts_processor) {
    HostFacts host;
    host.arch = "x86_64";
    host.processor = data_of(sample().tcg_cpus);
    host.microcode = "16777317";
    host.address_bits = 48;
    host.page_kib = {4, 2048};
    host.caches = {{.id = 1, .level = 3, .type = "both", .size_kib = 32768, .cpus = "0-3"}};
    const std::string text = format_capabilities(host, {});
    for (const char* there : {"<model>Conroe</model>", "<vendor>Intel</vendor>", "<microcode version='16777317'/>",
                              "<signature family='6' model='23' stepping='0'/>", "<maxphysaddr mode='emulate' bits='48'/>", "<feature name='sse4.1'/>",
                              "<pages unit='KiB' size='2048'/>",
                              "<bank id='1' level='3' type='both' size='32' unit='MiB' cpus='0-3'/>"})
        EXPECT_THAT(text, HasSubstr(there));
}

} // namespace
} // namespace polyvirt::qemu
