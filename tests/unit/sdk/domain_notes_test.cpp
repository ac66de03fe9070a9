// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Notes, come_back_from_the_text_that_has_them) {
    const std::vector<std::string> notes = {"line 3: <a> is not known", "line 4: <b> is not known"};
    const std::string text = with_notes("<domain type='qemu'><name>x</name></domain>", notes);
    EXPECT_EQ(notes_of(text), notes);
    EXPECT_TRUE(parse_domain(text)) << "still a document";
}

TEST(Notes, that_would_end_their_comment_do_not) {
    const std::string text = with_notes("<domain type='qemu'><name>x</name></domain>", {"a-->b\n--c", "-"});
    EXPECT_TRUE(parse_domain(text)) << text;
    EXPECT_THAT(notes_of(text), ElementsAre("a- ->b - -c", "- "));
}

TEST(Notes, are_not_made_of_other_comments) {
    EXPECT_THAT(notes_of("<!-- mine -->\n<domain/>"), IsEmpty());
    EXPECT_EQ(with_notes("<domain/>", {}), "<domain/>");
}

TEST(Notes, are_bounded) {
    std::string inner;
    for (int i = 0; i < 500; i++) inner += "<nobody/>";
    const auto parsed = parse_domain("<domain type='qemu'><name>x</name>" + inner + "</domain>");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->domain.notes.size(), kMaxNotes + 1);
    EXPECT_EQ(parsed->domain.notes.back(), "and 480 more");
}

TEST(Notes, an_unknown_element_is_an_error_when_validation_is_asked_for) {
    const std::string text = "<domain type='qemu'>\n<name>x</name>\n<vpcu>1</vpcu></domain>";
    EXPECT_TRUE(parse_domain(text));
    const auto refused = parse_domain(text, {.inactive = true, .limits = {}, .validate = true});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::xml_invalid_schema);
    EXPECT_THAT(refused.error().message, HasSubstr("line 3: <vpcu> is not known in <domain> and ignored; did you mean 'vcpu'?"));
}

} // namespace
} // namespace polyvirt::sdk::domain
