// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/document.h"

#include <gtest/gtest.h>

namespace {

using polyvirt::access::identify_document;

std::string name_of(std::string_view xml) {
    const auto found = identify_document(xml);
    return found ? "name " + found->name : "none";
}

TEST(Document, has_the_name_and_uuid_of_its_root) {
    const auto found = identify_document("<domain type='kvm'><name>web-1</name>"
                                         "<uuid>c7a5fdbd-cdaf-9455-926a-d65c16db1809</uuid>"
                                         "<metadata><name>other</name></metadata></domain>");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->name, "web-1");
    EXPECT_EQ(found->uuid.to_string(), "c7a5fdbd-cdaf-9455-926a-d65c16db1809");
}

TEST(Document, name_may_be_an_attribute_of_the_root) {
    EXPECT_EQ(name_of("<interface type='bridge' name='br0'><bridge/></interface>"), "name br0");
    EXPECT_EQ(name_of("<filterbinding><owner/><portdev name='vnet0'/></filterbinding>"), "name vnet0");
}

TEST(Document, escapes_and_sections_are_read_as_text) {
    EXPECT_EQ(name_of("<domain><name>a&amp;b<![CDATA[c]]></name></domain>"), "name a&bc");
}

TEST(Document, without_a_name_has_none) { EXPECT_EQ(name_of("<secret><usage/></secret>"), "name "); }

TEST(Document, that_is_not_clear_is_none) {
    EXPECT_EQ(name_of(""), "none");
    EXPECT_EQ(name_of("no xml"), "none");
    EXPECT_EQ(name_of("<domain><name>a</name>"), "none");
    EXPECT_EQ(name_of("<domain><name>a</name><name>b</name></domain>"), "none");
    EXPECT_EQ(name_of("<domain><name> a</name></domain>"), "none");
    EXPECT_EQ(name_of("<domain><name>a</name><uuid>x</uuid></domain>"), "none");
}

TEST(Document, with_a_document_type_is_none) {
    EXPECT_EQ(name_of("<!DOCTYPE domain [<!ENTITY e 'web'>]><domain><name>&e;</name></domain>"), "none");
}

} // namespace
