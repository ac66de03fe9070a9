// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/polyvirt/text_table.h"

#include <gtest/gtest.h>

namespace polyvirt::tools {
namespace {

TEST(TextTable, is_as_wide_as_its_cells) {
    TextTable table({"NAME", ">N", "LAST"});
    table.add({"a", "1000", "x"});
    table.add({"gr\xc3\xbc\xc3\x9f" "e", "7"}); // five characters, seven bytes
    EXPECT_EQ(table.text(), "NAME      N  LAST\n"
                            "a      1000  x\n"
                            "gr\xc3\xbc\xc3\x9f" "e     7\n");
}

TEST(TextTable, has_headings_without_rows) { EXPECT_EQ(TextTable({"A", ">B"}).text(), "A  B\n"); }

TEST(Texts, of_times_and_bytes) {
    EXPECT_EQ(span_of(0), "0 s");
    EXPECT_EQ(span_of(-3), "0 s");
    EXPECT_EQ(span_of(0.000012), "12 us");
    EXPECT_EQ(span_of(0.0123), "12.3 ms");
    EXPECT_EQ(span_of(35), "35.0 s");
    EXPECT_EQ(span_of(600), "10 min");
    EXPECT_EQ(span_of(3600 * 2 + 300), "2 h 5 min");
    EXPECT_EQ(span_of(86400.0 * 3 + 7200), "3 d 2 h");
    EXPECT_EQ(bytes_of(812), "812 B");
    EXPECT_EQ(bytes_of(1.4 * 1024 * 1024), "1.4 MiB");
}

TEST(Texts, of_cells_show_what_is_there_and_obey_nobody) {
    const nlohmann::json row = {{"text", "a\x1b[2Jb\n"}, {"number", 7}, {"yes", true}, {"none", nullptr}};
    EXPECT_EQ(cell(row, "text"), "a\\x1b[2Jb\\x0a");
    EXPECT_EQ(cell(row, "number"), "7");
    EXPECT_EQ(cell(row, "yes"), "yes");
    EXPECT_EQ(cell(row, "none"), "-");
    EXPECT_EQ(cell(row, "missing"), "-");
}

} // namespace
} // namespace polyvirt::tools
