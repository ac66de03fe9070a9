// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/conform/audit/elf.h"
#include "tools/conform/audit/manifest.h"
#include "tools/conform/catalog.h"
#include "tools/conform/report.h"

namespace polyvirt::conform {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class File {
  public:
    explicit File(const std::string& bytes) {
        const int fd = ::mkstemp(path_.data());
        ::close(fd);
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    ~File() { ::unlink(path_.c_str()); }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = testing::TempDir() + "conform.XXXXXX";
};

std::string own_bytes() {
    std::ifstream in("/proc/self/exe", std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

TEST(ElfFile, what_is_no_elf_file_is_refused_with_its_name) {
    for (const std::string& bytes : {std::string(), std::string("\x7f" "ELF"), std::string(5000, 'x')}) {
        const File file(bytes);
        const auto read = read_elf(file.path());
        ASSERT_FALSE(read);
        EXPECT_THAT(read.error().message, HasSubstr(file.path()));
    }
    EXPECT_FALSE(read_elf("/"));
    EXPECT_FALSE(read_elf("/none/at/all"));
}

TEST(ElfFile, a_program_without_a_note_is_read_and_says_so) {
    const auto read = read_elf("/proc/self/exe");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_THAT(read->needed, Contains(HasSubstr("libc.so")));
    EXPECT_THAT(read->manifest_fault, HasSubstr(".note.polyvirt"));
}

TEST(ElfFile, cut_and_garbled_files_are_refused_or_read_within_bounds) {
    const std::string whole = own_bytes();
    std::mt19937 random(1);
    for (int i = 0; i < 60; ++i) {
        std::string bytes = whole.substr(0, i % 2 == 0 ? whole.size() : random() % whole.size());
        for (int n = 0; n < 40 && !bytes.empty(); ++n) bytes[random() % std::min<std::size_t>(bytes.size(), 4096)] = static_cast<char>(random());
        const File file(bytes);
        static_cast<void>(read_elf(file.path())); // under the sanitizers: no step outside
    }
}

TEST(Manifest, a_good_one_has_no_faults) {
    const Manifest m = read_manifest("id: org.example.vmm\nabi: [0, 1]\nprovides: [pv.hv.caps/1]\nneeds: [host.call/1, host.loop/1>=64]\n"
                                     "uri: [vmm]\nkinds: [domain]\n");
    EXPECT_TRUE(m.faults.empty()) << m.faults.front();
    EXPECT_EQ(m.needs.at("host.loop/1"), 64U);
    EXPECT_TRUE(m.has_kind("domain"));
    EXPECT_FALSE(m.has_kind("pool"));
}

TEST(Manifest, each_fault_is_named) {
    const std::pair<const char*, const char*> rows[] = {
        {"", "no YAML mapping"},          {"id: [a", "no YAML"},         {"id: a b\nabi: [0, 1]", "letters"},
        {"id: a\nabi: [0, 999]", "minor"}, {"id: a\nabi: [7, 0]", "major"}, {"id: a\nabi: 1", "abi"},
        {"id: a\nabi: [0, 1]\ncolour: red", "colour"},                   {"id: a\nid: b\nabi: [0, 1]", "twice"},
        {"id: a\nabi: [0, 1]\nneeds: [loop]", "loop"},                   {"id: a\nabi: [0, 1]\nneeds: [host.loop/1>=x]", "no number"},
        {"id: a\nabi: [0, 1]\nkinds: [unicorn]", "unicorn"},             {"id: a\nabi: [0, 1]\nuri: ['a:b']", "scheme"},
    };
    for (const auto& [text, word] : rows) EXPECT_THAT(read_manifest(text).faults, Contains(HasSubstr(word))) << text;
}

TEST(Catalog, ops_lie_within_their_structs_and_tables) {
    for (const OpSpec& op : all_ops()) {
        EXPECT_GE(op.in_size, 8U);
        for (const FieldSpec& f : op.in) {
            EXPECT_LT(f.offset, op.in_size) << op.name;
            EXPECT_LT(f.count_offset, op.in_size) << op.name;
        }
        EXPECT_EQ(find_op(op.name), &op);
    }
    EXPECT_EQ(find_op("dom_lifecycle.none"), nullptr);
    EXPECT_NE(find_event(1, 0), nullptr);
    EXPECT_EQ(find_event(1, 4711), nullptr);
}

Report sample_report() {
    static const Case kFirst{"a.first", "R1", "one & two", "", nullptr}, kSecond{"a.second", "R2", "second", "", nullptr};
    Report report;
    report.plugin = "my<plugin>.so";
    report.outcomes.push_back({.test = &kFirst, .failures = {"line\none \x01 & <two> \xff\xc3\xa9\xed\xa0\x80"}, .log = {"seen"}});
    report.outcomes.push_back({.test = &kSecond, .skipped = "does not apply"});
    report.profile["op"] = {"dom.create"};
    return report;
}

TEST(Report, tap_has_one_line_for_each_case) {
    const std::string tap = to_tap(sample_report(), true);
    EXPECT_THAT(tap, HasSubstr("1..2\nnot ok 1 - a.first\n"));
    EXPECT_THAT(tap, HasSubstr("ok 2 - a.second # SKIP does not apply\n"));
    EXPECT_THAT(tap, HasSubstr("#   line\\none ? & <two> "));
    EXPECT_THAT(tap, HasSubstr("| seen"));
    EXPECT_THAT(tap, HasSubstr("0 passed, 1 failed, 1 skipped"));
    EXPECT_THAT(to_tap(sample_report(), false), Not(HasSubstr("| seen")));
}

TEST(Report, junit_escapes_what_xml_would_take_for_its_own) {
    const std::string xml = to_junit(sample_report());
    EXPECT_THAT(xml, HasSubstr("my&lt;plugin&gt;.so"));
    EXPECT_THAT(xml, HasSubstr("one ? &amp; &lt;two&gt; ?\xc3\xa9?"));
    EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" skipped=\"1\""));
    EXPECT_THAT(xml, HasSubstr("<property name=\"op\" value=\"dom.create\"/>"));
}

} // namespace
} // namespace polyvirt::conform
