// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/image.h"

#include <cstring>

#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

ImageFacts sample_image() {
    return {.running = true, .compression = Compression::xz, .xml = "<domain><name>x</name></domain>", .cookie = "<cookie/>"};
}

void set(std::string& head, std::size_t field, std::uint32_t value) { std::memcpy(head.data() + 16 + field * 4, &value, sizeof value); }

TEST(SavedImage, reads_back_what_it_wrote) {
    const std::string text = format_image_head(sample_image(), true);
    auto head = parse_image_header(text);
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_TRUE(head->complete);
    EXPECT_EQ(head->stream_at(), text.size());
    ASSERT_TRUE(parse_image_texts(*head, std::string_view(text).substr(kImageHeader)));
    EXPECT_TRUE(head->facts.running);
    EXPECT_EQ(head->facts.compression, Compression::xz);
    EXPECT_EQ(head->facts.xml, sample_image().xml);
    EXPECT_EQ(head->facts.cookie, sample_image().cookie);
}

TEST(SavedImage, has_no_cookie_where_there_was_none) {
    ImageFacts facts = sample_image();
    facts.cookie.clear();
    const std::string text = format_image_head(facts, true);
    auto head = parse_image_header(text);
    ASSERT_TRUE(head && parse_image_texts(*head, std::string_view(text).substr(kImageHeader)));
    EXPECT_EQ(head->facts.cookie, "");
}

TEST(SavedImage, is_incomplete_until_it_says_so) {
    const auto head = parse_image_header(format_image_head(sample_image(), false));
    ASSERT_TRUE(head);
    EXPECT_FALSE(head->complete);
}

TEST(SavedImage, of_a_host_with_the_other_byte_order_is_read) {
    std::string text = format_image_head(sample_image(), true);
    for (std::size_t field = 0; field < 5; ++field) {
        char* const at = text.data() + 16 + field * 4;
        std::swap(at[0], at[3]);
        std::swap(at[1], at[2]);
    }
    auto head = parse_image_header(text);
    ASSERT_TRUE(head) << head.error().message;
    ASSERT_TRUE(parse_image_texts(*head, std::string_view(text).substr(kImageHeader)));
    EXPECT_EQ(head->facts.xml, sample_image().xml);
}

TEST(SavedImage, keeps_its_room_when_it_is_rewritten) {
    const auto head = parse_image_header(format_image_head(sample_image(), true));
    ASSERT_TRUE(head);
    EXPECT_EQ(format_image_head(sample_image(), true, head->room).size(), head->stream_at());
}

TEST(SavedImage, refuses_garbage_and_every_cut) {
    const std::string good = format_image_head(sample_image(), true);
    for (std::size_t length = 0; length < kImageHeader; ++length) EXPECT_FALSE(parse_image_header(good.substr(0, length)));
    EXPECT_FALSE(parse_image_header(std::string(4096, '\xff')));
    EXPECT_FALSE(parse_image_header(std::string(4096, '\0')));
    for (const auto& [field, value] : {std::pair<std::size_t, std::uint32_t>{0, 0x7f7f7f7f}, {1, 0}, {1, kMaxImageText + 1}, {3, 77}, {4, 0x7fffffff}}) {
        std::string bad = good;
        set(bad, field, value);
        EXPECT_FALSE(parse_image_header(bad)) << field << " = " << value;
    }
    auto head = parse_image_header(good);
    ASSERT_TRUE(head);
    EXPECT_FALSE(parse_image_texts(*head, "too short"));
    auto empty = parse_image_header(good);
    EXPECT_FALSE(parse_image_texts(*empty, std::string(empty->room, '\0')));
}

TEST(SavedImage, knows_its_programs_by_name) {
    EXPECT_EQ(compression_of("").value(), Compression::none);
    EXPECT_EQ(compression_of("zstd").value(), Compression::zstd);
    EXPECT_FALSE(compression_of("rar"));
    EXPECT_EQ(program_of(Compression::none), nullptr);
    EXPECT_STREQ(program_of(Compression::gzip), "/usr/bin/gzip");
}

} // namespace
} // namespace polyvirt::qemu
