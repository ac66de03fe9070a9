// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The small pieces: saved states, the picture, capabilities.
#include <gtest/gtest.h>

#include "capabilities.h"
#include "picture.h"
#include "saved_images.h"

namespace polyvirt::test {
namespace {

TEST(SavedImages, are_found_by_name_and_bounded) {
    SavedImages images;
    EXPECT_FALSE(images.get("/x"));
    for (std::size_t i = 0; i < SavedImages::kMax; ++i) ASSERT_TRUE(images.put(std::to_string(i), {nullptr, i == 5}));
    EXPECT_FALSE(images.put("one too many", {}));
    EXPECT_TRUE(images.put("5", {nullptr, true}));
    EXPECT_TRUE(images.get("5")->paused);
}

// Length, type, data, checksum of each part; the data's own checksum.
TEST(Picture, is_a_png) {
    const std::string png = make_picture();
    ASSERT_TRUE(png.starts_with("\x89PNG\r\n\x1a\n"));
    std::vector<std::string> types;
    std::size_t at = 8;
    while (at + 12 <= png.size()) {
        std::uint32_t length = 0;
        for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<std::uint8_t>(png[at + static_cast<std::size_t>(i)]);
        types.push_back(png.substr(at + 4, 4));
        at += 12 + length;
    }
    EXPECT_EQ(at, png.size());
    EXPECT_EQ(types, (std::vector<std::string>{"IHDR", "IDAT", "IEND"}));
}

TEST(Capabilities, know_processors_by_age) {
    EXPECT_TRUE(is_cpu_model("Nehalem"));
    EXPECT_FALSE(is_cpu_model("nehalem"));
    EXPECT_LT(cpu_model_age("Penryn"), cpu_model_age("Nehalem"));
    EXPECT_NE(format_capabilities().find("<cpu id='15' socket_id='1' die_id='0' core_id='7' siblings='15'/>"), std::string::npos);
}

} // namespace
} // namespace polyvirt::test
