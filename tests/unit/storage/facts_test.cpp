// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "facts.h"

#include <gtest/gtest.h>

namespace polyvirt::storage {
namespace {

TEST(Facts, come_back_as_they_were_told) {
    const std::string odd = std::string("a\\b\nc=d\\n") + '\0' + "\xff.";
    Facts facts = {{"odd", odd}, {"none", ""}, {"most", UINT64_MAX}, {"least", INT64_MIN}, {"yes", true}, {"no", false}};
    facts.set_part("backing", Facts{{"odd", odd}, {"path", "/p"}});
    const std::string packed = facts.packed();
    std::string_view rest = packed;
    const auto back = Facts::take(rest);
    ASSERT_TRUE(back);
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(back->text("odd"), odd);
    EXPECT_TRUE(back->has("none"));
    EXPECT_EQ(back->text("none"), "");
    EXPECT_EQ(back->number("most"), UINT64_MAX);
    EXPECT_EQ(back->number("least", std::int64_t{0}), INT64_MIN);
    EXPECT_TRUE(back->flag("yes"));
    EXPECT_FALSE(back->flag("no"));
    EXPECT_EQ(back->text("backing.odd"), odd);
    EXPECT_EQ(back->part("backing").text("path"), "/p");
}

TEST(Facts, that_are_not_there_are_empty) {
    const Facts facts = {{"name", "x"}, {"names", "7"}, {"much", "99999999999999999999"}};
    EXPECT_EQ(facts.text("nam"), "");
    EXPECT_FALSE(facts.has("nam"));
    EXPECT_EQ(facts.number("name", 5), 5);
    EXPECT_EQ(facts.number("much"), 0U);
    EXPECT_EQ(facts.number("names"), 7U);
    EXPECT_FALSE(facts.flag("name"));
}

TEST(Facts, without_their_end_are_none) {
    for (const std::string_view text : {"", "a", "a=1", "a=1\n", "a\n\n", "\xff\n\n"}) {
        std::string_view rest = text;
        EXPECT_FALSE(Facts::take(rest)) << text;
        EXPECT_EQ(rest, text);
    }
}

TEST(Answer, is_whole_or_none) {
    Answer answer(Facts{{"capacity", 7}});
    answer.volumes = {Facts{{"name", "a"}}, Facts(), Facts{{"name", "b"}}};
    const std::string packed = answer.packed();
    const auto back = Answer::parse(packed);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->facts.number("capacity"), 7U);
    ASSERT_EQ(back->volumes.size(), 3U);
    EXPECT_EQ(back->volumes[2].text("name"), "b");
    EXPECT_FALSE(Answer::parse(""));
    EXPECT_FALSE(Answer::parse(std::string_view(packed).substr(0, packed.size() - 1)));
}

} // namespace
} // namespace polyvirt::storage
