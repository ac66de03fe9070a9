// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "node_document.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error_text.h"
#include "base/uuid.h"
#include "node_figures.h"

namespace polyvirt::test {
namespace {

// Takes <thing> and remembers what it was given; one that is named "bad" is refused.
class Things final : public Part {
  public:
    std::vector<std::string> names;
    [[nodiscard]] bool knows(std::string_view element) const override { return element == "thing"; }
    Status load(const sdk::xml::Node& element) override {
        const std::string* name = element.attribute("name");
        names.push_back(name != nullptr ? *name : "");
        if (names.back() == "bad") return make_error(ErrorCode::xml_error, ErrorDomain::test, "it is bad");
        return {};
    }
};

class NodeDocument : public ::testing::Test {
  protected:
    NodeDocument() : folder_(std::filesystem::temp_directory_path() / ("pvnode." + Uuid::random().to_string())) {
        std::filesystem::create_directory(folder_);
    }
    ~NodeDocument() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
    Status load() { return load_node("file:" + (folder_ / "n.xml").string(), {&figures_, &things_}); }
    std::string complaint() {
        const Status loaded = load();
        return loaded ? std::string() : loaded.error().message;
    }

    const std::filesystem::path folder_;
    NodeFigures figures_;
    Things things_;
};

TEST_F(NodeDocument, elements_are_inline_or_in_files) {
    write("n.xml", "<node><cpu><mhz>5</mhz></cpu><thing name='a'/><thing file='sub.xml'/><other/></node>");
    write("sub.xml", "<thing name='b'/>");
    const Status loaded = load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(things_.names, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(figures_.mhz, 5U);
    EXPECT_EQ(figures_.active, 16U); // what is not said stays
}

TEST_F(NodeDocument, errors_name_file_and_line) {
    write("n.xml", "<node>\n\n<thing name='bad'/></node>");
    EXPECT_NE(complaint().find("n.xml: line 3: "), std::string::npos) << complaint();
    write("n.xml", "<node>\n<thing file='sub.xml'/></node>");
    EXPECT_NE(complaint().find("n.xml: line 2: "), std::string::npos) << complaint();
    write("sub.xml", "<wrong/>");
    EXPECT_NE(complaint().find("sub.xml: line 1: "), std::string::npos) << complaint();
    write("sub.xml", "<thing");
    EXPECT_NE(complaint().find("sub.xml: "), std::string::npos) << complaint();
    write("n.xml", "<other/>");
    EXPECT_NE(complaint().find("expected <node>"), std::string::npos) << complaint();
}

TEST_F(NodeDocument, what_is_no_file_is_not_read) {
    EXPECT_NE(complaint().find("No such file"), std::string::npos);
    std::filesystem::create_directory(folder_ / "n.xml");
    EXPECT_NE(complaint().find("not a regular file"), std::string::npos);
}

TEST_F(NodeDocument, a_file_is_bounded) {
    write("n.xml", std::string((4u << 20) + 1, ' '));
    EXPECT_NE(complaint().find("expected at most"), std::string::npos);
}

} // namespace
} // namespace polyvirt::test
