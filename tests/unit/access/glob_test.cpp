// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/glob.h"

#include <gtest/gtest.h>

namespace {

using polyvirt::access::Glob;

bool matches(const char* pattern, std::string_view text) {
    const auto glob = Glob::create(pattern);
    EXPECT_TRUE(glob.has_value()) << pattern;
    return glob && glob->matches(text);
}

std::string complaint(std::string_view pattern) {
    const auto glob = Glob::create(pattern);
    return glob ? "" : glob.error().message;
}

TEST(Glob, text_without_wildcards_is_itself_alone) {
    EXPECT_TRUE(matches("web-1", "web-1"));
    EXPECT_FALSE(matches("web-1", "web-11"));
    EXPECT_FALSE(matches("web-1", "web-"));
    EXPECT_FALSE(matches("web-1", ""));
}

TEST(Glob, star_is_any_text_even_none) {
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("web-*", "web-"));
    EXPECT_TRUE(matches("web-*", "web-1"));
    EXPECT_FALSE(matches("web-*", "aweb-1"));
    EXPECT_TRUE(matches("*-db-*", "x-db-y-db-z"));
    EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
    EXPECT_FALSE(matches("a*b*c", "aXbYbZ"));
}

TEST(Glob, question_mark_is_one_byte) {
    EXPECT_TRUE(matches("vm?", "vm1"));
    EXPECT_FALSE(matches("vm?", "vm"));
    EXPECT_FALSE(matches("vm?", "vm12"));
}

TEST(Glob, sets_ranges_and_their_opposites) {
    EXPECT_TRUE(matches("vm[0-9]", "vm7"));
    EXPECT_FALSE(matches("vm[0-9]", "vmx"));
    EXPECT_TRUE(matches("vm[!0-9]", "vmx"));
    EXPECT_FALSE(matches("vm[^0-9]", "vm7"));
    EXPECT_TRUE(matches("[]a]", "]"));
    EXPECT_TRUE(matches("[a-]", "-"));
}

TEST(Glob, backslash_takes_the_next_byte_as_it_is) {
    EXPECT_TRUE(matches("a\\*", "a*"));
    EXPECT_FALSE(matches("a\\*", "ab"));
}

TEST(Glob, what_is_no_pattern_is_refused_with_its_place) {
    EXPECT_NE(complaint("").find("empty"), std::string::npos);
    EXPECT_NE(complaint("web-[0-9").find("'[' is not closed at byte 5"), std::string::npos);
    EXPECT_NE(complaint("[z-a]").find("backwards at byte 2"), std::string::npos);
    EXPECT_NE(complaint("web\\").find("nothing follows"), std::string::npos);
    EXPECT_NE(complaint(std::string(Glob::kMaxLength + 1, 'a')).find("too long"), std::string::npos);
}

// Patterns of the kind that make backtracking matchers run for years.
TEST(Glob, many_stars_end_soon) {
    std::string pattern, text(4096, 'a');
    for (int i = 0; i < 200; ++i) pattern += "a*";
    EXPECT_FALSE(matches((pattern + "b").c_str(), text));
    EXPECT_TRUE(matches(pattern.c_str(), text));
}

} // namespace
