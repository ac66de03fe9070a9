// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/packed.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

std::string noise(std::size_t length) {
    std::string text;
    std::uint32_t state = 1;
    while (text.size() < length) text += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
    return text;
}

TEST(PackedText, GivesBackWhatWasPacked) {
    std::string repeated;
    for (int i = 0; i < 1000; ++i) repeated += "<controller type='pci' index='" + std::to_string(i) + "'/>\n";
    for (const std::string& text : {std::string(), std::string("a"), repeated, noise(100'000), std::string(9000, '\0')}) {
        const auto packed = xml::PackedText::pack(text);
        ASSERT_TRUE(packed);
        const auto back = packed->unpack();
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(*back, text);
    }
    EXPECT_LT(xml::PackedText::pack(repeated)->size(), repeated.size() / 5);
}

constexpr const char* kDomain =
    "<domain type='qemu'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory unit='MiB'>64</memory>"
    "<currentMemory unit='MiB'>32</currentMemory><vcpu current='2'>4</vcpu><os><type arch='x86_64' machine='pc'>hvm</type>"
    "</os><devices><graphics type='vnc' passwd='secret'/></devices></domain>";

TEST(PackedDomain, KeepsTheDescriptionWithItsSecretsAndTellsTheFiguresUnopened) {
    const auto parsed = domain::parse_domain(kDomain);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const domain::FormatOptions whole{.inactive = true, .secure = true};
    const std::string text = format_domain(parsed->domain, whole);
    const auto packed = domain::PackedDomain::pack(parsed->domain, text);
    ASSERT_TRUE(packed);
    const domain::Summary& s = (*packed)->summary();
    EXPECT_EQ(s.memory, 64U * 1024);
    EXPECT_EQ(s.current_memory, 32U * 1024);
    EXPECT_EQ(s.vcpus, 2U);
    EXPECT_EQ(s.max_vcpus, 4U);
    EXPECT_EQ(s.os_type, "hvm");
    const auto back = (*packed)->unpack();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(format_domain(*back, whole), text);
    EXPECT_NE(text.find("secret"), std::string::npos);
}

} // namespace
} // namespace polyvirt::sdk
