// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/xml/writer.h"

namespace polyvirt::sdk::xml {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, const Limits& limits = {}) {
    const auto node = read(text, "test", limits);
    if (node)
        return "accepted";
    // 35: not XML at all; 27: XML that is not accepted.
    EXPECT_TRUE(node.error().code == ErrorCode::xml_detail ||
                node.error().code == ErrorCode::xml_error);
    return node.error().message;
}

std::string raw(const Node& node) {
    Writer w;
    w.raw(node);
    return w.take();
}

TEST(XmlReader, keeps_elements_attributes_texts_and_lines) {
    const auto node = read("<a x='1'>\n  <b>two</b>\n  <c/>\n</a>", "test");
    ASSERT_TRUE(node);
    EXPECT_EQ(*node->attribute("x"), "1");
    ASSERT_TRUE(node->child("b"));
    EXPECT_EQ(node->child("b")->text(), "two");
    EXPECT_EQ(node->child("b")->line, 2);
    EXPECT_EQ(node->child("c")->line, 3);
    EXPECT_EQ(node->child("d"), nullptr);
}

TEST(XmlReader, understands_the_five_entities_and_character_references) {
    const auto node = read(
        "<a x='&lt;&gt;&amp;&apos;&quot;&#10;&#x41;&#38;amp;'>&lt;&amp;&#66;<![CDATA[<&]]></a>",
        "test");
    ASSERT_TRUE(node);
    EXPECT_EQ(*node->attribute("x"), "<>&'\"\nA&amp;");
    EXPECT_EQ(node->text(), "<&B<&");
}

TEST(XmlReader, keeps_namespaces) {
    const auto node = read("<a xmlns:q='urn:q'><q:b q:c='1'/></a>", "test");
    ASSERT_TRUE(node);
    EXPECT_EQ(node->children[0].uri, "urn:q");
    EXPECT_EQ(node->children[0].qualified_name(), "q:b");
    EXPECT_NE(node->children[0].attribute("q:c"), nullptr);
    EXPECT_EQ(node->child("b"), nullptr)
        << "an element of a namespace is not the plain one of its name";
}

TEST(XmlReader, names_the_line_of_what_is_not_well_formed) {
    EXPECT_THAT(refusal("<a>\n<b>\n</a>"), HasSubstr("line 3"));
    EXPECT_THAT(refusal(""), HasSubstr("test"));
    EXPECT_THAT(refusal("<a></a><b/>"), HasSubstr("line 1"));
    EXPECT_THAT(refusal("no XML at all"), HasSubstr("line 1"));
    EXPECT_THAT(refusal("<a"), HasSubstr("test"));
}

TEST(XmlReader, refuses_entities_of_the_document) {
    const std::string laughs = "<!DOCTYPE a [<!ENTITY l 'ha'><!ENTITY m '&l;&l;&l;&l;&l;&l;&l;&l;'>"
                               "<!ENTITY n '&m;&m;&m;&m;&m;&m;&m;&m;'>]><a>&n;&n;&n;</a>";
    EXPECT_THAT(refusal(laughs), HasSubstr("entity 'l' declared"));
    EXPECT_THAT(refusal("<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]><a/>"),
                HasSubstr("entity 'p'"));
    EXPECT_THAT(refusal("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>"),
                HasSubstr("entity 'x'"));
    EXPECT_THAT(refusal("<a>&unknown;</a>"), HasSubstr("unknown"));
}

TEST(XmlReader, reads_nothing_from_outside) {
    EXPECT_THAT(refusal("<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'><a/>"),
                HasSubstr("external document type"));
    EXPECT_TRUE(read("<!DOCTYPE a><a/>", "test")) << "a document type alone says nothing";
}

TEST(XmlReader, bounds_depth) {
    std::string deep;
    for (int i = 0; i < 100'000; i++)
        deep += "<a>";
    EXPECT_THAT(refusal(deep), HasSubstr("more than 200 elements deep"));
    std::string fits;
    for (int i = 0; i < 200; i++)
        fits += "<a>";
    for (int i = 0; i < 200; i++)
        fits += "</a>";
    EXPECT_TRUE(read(fits, "test"));
}

TEST(XmlReader, bounds_bytes_and_nodes) {
    EXPECT_THAT(refusal("<a>" + std::string(5u << 20, 'x') + "</a>"), HasSubstr("at most 4194304"));
    std::string many = "<a>";
    for (int i = 0; i < 300'000; i++)
        many += "<b/>";
    EXPECT_THAT(refusal(many + "</a>"), HasSubstr("more than 200000"));
    EXPECT_THAT(refusal("<a><b/><b/></a>", {1000, 10, 2}), HasSubstr("more than 2"));
    EXPECT_THAT(refusal(std::string_view("<a>\0</a>", 8)), HasSubstr("zero byte"));
}

TEST(XmlReader, many_attributes_are_counted) {
    std::string text = "<a";
    for (int i = 0; i < 300; i++)
        text += " a" + std::to_string(i) + "='1'";
    EXPECT_THAT(refusal(text + "/>", {1u << 20, 10, 100}), HasSubstr("more than 100"));
}

TEST(XmlWriter, what_is_raw_is_kept_word_for_word) {
    const std::string text = "<m>\n  <!-- said \"so\" -->\n  <x:y xmlns:x=\"urn:x\" "
                             "a=\"'&quot;&#10;\">it's &lt;&amp;\"\n\t<![CDATA[<b>]]>"
                             "<?do this?></x:y>\n<z/>   </m>";
    const auto node = read(text, "test");
    ASSERT_TRUE(node);
    const std::string printed = raw(*node);
    const auto again = read(printed, "test");
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *node);
    EXPECT_THAT(printed, HasSubstr("<!-- said \"so\" -->"));
    EXPECT_THAT(printed, HasSubstr("it's &lt;&amp;\"\n\t<![CDATA[<b>]]>"));
}

TEST(XmlWriter, escapes_what_a_reader_would_change) {
    const std::string hard = "<>&'\" tab\there\nline\rreturn ünïcode";
    Writer w;
    w.open("a");
    w.attribute("x", hard);
    w.text(hard);
    w.close();
    const auto node = read(w.take(), "test");
    ASSERT_TRUE(node);
    EXPECT_EQ(*node->attribute("x"), hard);
    EXPECT_EQ(node->text(), hard);
}

TEST(XmlWriter, prints_like_the_peer) {
    Writer w;
    w.open("a");
    w.attribute("x", "it's");
    w.open("b");
    w.close();
    w.open("c");
    w.text("'");
    w.close();
    w.open("gone");
    w.close_unless_empty();
    w.close();
    EXPECT_EQ(w.take(), "<a x='it&apos;s'>\n  <b/>\n  <c>&apos;</c>\n</a>\n");
}

TEST(XmlWriter, an_empty_group_takes_its_parent_back_too) {
    Writer w;
    w.open("a");
    w.open("b");
    w.open("c");
    w.close_unless_empty();
    w.close_unless_empty();
    w.close();
    EXPECT_EQ(w.take(), "<a/>\n");
}

TEST(XmlHead, is_read_without_the_rest) {
    const auto head =
        read_head("<domain type='qemu'>\n<name>a&amp;b</name><uuid>u</uuid> <broken", "test");
    ASSERT_TRUE(head);
    EXPECT_EQ(head->root, "domain");
    EXPECT_EQ(head->type, "qemu");
    EXPECT_EQ(head->name, "a&b");
    EXPECT_EQ(head->uuid, "u");
}

TEST(XmlHead, takes_only_direct_children) {
    const auto head = read_head(
        "<domain><x><name>inner</name></x><name>outer</name><name>second</name></domain>", "test");
    ASSERT_TRUE(head);
    EXPECT_EQ(head->name, "outer");
    EXPECT_EQ(head->uuid, "");
}

TEST(XmlHead, refuses_what_the_whole_would_refuse) {
    EXPECT_FALSE(read_head("<domain><name>x</nam></domain>", "test"));
    EXPECT_FALSE(read_head("<!DOCTYPE d [<!ENTITY e 'x'>]><d><name>&e;</name><uuid/></d>", "test"));
}

TEST(XmlReader, tells_what_is_no_xml_from_what_is_not_accepted) {
    EXPECT_EQ(read("<a>", "test", {}).error().code, ErrorCode::xml_detail);
    EXPECT_EQ(read("", "test", {}).error().code, ErrorCode::xml_detail);
    EXPECT_EQ(read("<a><b><c/></b></a>", "test", {.depth = 2}).error().code, ErrorCode::xml_error);
}

} // namespace
} // namespace polyvirt::sdk::xml
