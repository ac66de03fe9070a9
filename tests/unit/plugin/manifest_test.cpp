// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manifest.h"

#include <cstring>
#include <elf.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <polyvirt/abi/base.h>

#include "base/unique_fd.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A shared object reduced to its headers and one note segment.
struct FakeElf {
    Elf64_Ehdr header{};
    Elf64_Phdr segment{};
    std::string note;

    explicit FakeElf(const std::string& text) {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_type = ET_DYN;
        header.e_phentsize = sizeof(Elf64_Phdr);
        header.e_phnum = 1;
        header.e_phoff = sizeof(header);
        segment.p_type = PT_NOTE;
        segment.p_offset = sizeof(header) + sizeof(segment);
        add_note("other", 7, "xyz");
        add_note("polyvirt", 1, text);
    }
    void add_note(const std::string& name, std::uint32_t type, const std::string& text) {
        const Elf64_Nhdr n{static_cast<std::uint32_t>(name.size() + 1), static_cast<std::uint32_t>(text.size() + 1), type};
        note.append(reinterpret_cast<const char*>(&n), sizeof(n)).append(name.c_str(), name.size() + 1);
        while (note.size() % 4 != 0) note += '\0';
        note.append(text.c_str(), text.size() + 1);
        while (note.size() % 4 != 0) note += '\0';
    }
    [[nodiscard]] std::string bytes() {
        if (segment.p_filesz == 0) segment.p_filesz = note.size();
        return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) +
               std::string(reinterpret_cast<const char*>(&segment), sizeof(segment)) + note;
    }
};

Result<std::string> read_note(const std::string& bytes) {
    const UniqueFd fd(::memfd_create("elf", MFD_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return read_manifest_note(fd.get(), "fake.so");
}

std::string fault(FakeElf& elf) {
    const auto text = read_note(elf.bytes());
    return text ? "(none)" : text.error().message;
}

TEST(ManifestNote, is_found_behind_other_notes) {
    FakeElf elf("id: x\n");
    const auto text = read_note(elf.bytes());
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "id: x\n");
}

TEST(ManifestNote, refuses_headers_that_make_no_sense) {
    FakeElf elf("id: x\n");
    elf.header.e_type = ET_EXEC;
    EXPECT_THAT(fault(elf), HasSubstr("not a shared object"));
    elf = FakeElf("id: x\n");
    elf.header.e_ident[EI_CLASS] = ELFCLASS32;
    EXPECT_THAT(fault(elf), HasSubstr("another machine"));
    elf = FakeElf("id: x\n");
    elf.header.e_phoff = ~0ULL - 8;
    EXPECT_THAT(fault(elf), HasSubstr("outside the file"));
    elf = FakeElf("id: x\n");
    elf.header.e_phnum = 0xffff;
    EXPECT_THAT(fault(elf), HasSubstr("make no sense"));
}

TEST(ManifestNote, refuses_segments_outside_the_file) {
    FakeElf elf("id: x\n");
    elf.segment.p_offset = ~0ULL - 4;
    EXPECT_THAT(fault(elf), HasSubstr("a note segment lies outside the file"));
    elf = FakeElf("id: x\n");
    elf.segment.p_filesz = 1U << 19;
    EXPECT_THAT(fault(elf), HasSubstr("a note segment lies outside the file"));
    elf = FakeElf("id: x\n");
    elf.segment.p_filesz = ~0ULL;
    EXPECT_THAT(fault(elf), HasSubstr("a note segment lies outside the file"));
}

TEST(ManifestNote, refuses_a_note_longer_than_its_segment) {
    FakeElf elf("id: x\n");
    const std::uint32_t huge = 0xfffffff0U;
    std::memcpy(elf.note.data() + 4, &huge, sizeof(huge));
    EXPECT_THAT(fault(elf), HasSubstr("has no manifest"));
    std::memcpy(elf.note.data(), &huge, sizeof(huge));
    EXPECT_THAT(fault(elf), HasSubstr("has no manifest"));
}

TEST(ManifestNote, refuses_a_manifest_of_more_than_64_kib) {
    FakeElf elf(std::string(70'000, 'x'));
    EXPECT_THAT(fault(elf), HasSubstr("longer than 64 KiB"));
}

// Any file may lie there: no byte of it may lead outside (under the address sanitizer).
TEST(ManifestNote, survives_damaged_files) {
    std::mt19937 random(4711);
    for (int round = 0; round < 3000; ++round) {
        FakeElf elf("id: x\n");
        std::string bytes = elf.bytes();
        for (int i = 0; i < 4; ++i) bytes[4 + random() % (bytes.size() - 4)] = static_cast<char>(random());
        if (round % 3 == 0) bytes.resize(random() % bytes.size());
        const auto text = read_note(bytes);
        EXPECT_TRUE(text || !text.error().message.empty());
    }
}

TEST(Manifest, has_all_keys) {
    const auto m = parse_manifest("id: org.example.my-vmm\nabi: [0, 1]\nprovides: [pv.hv.caps/1]\n"
                                  "needs: [host.loop/1>=64, host.log/1]\nuri: [my]\nkinds: [domain, snapshot]\n"
                                  "serves: [network]\nuses: [pool]\n",
                                  "x.so");
    ASSERT_TRUE(m) << m.error().message;
    EXPECT_EQ(m->id, "org.example.my-vmm");
    EXPECT_EQ(m->abi_minor, 1U);
    EXPECT_THAT(m->provides, ElementsAre("pv.hv.caps/1"));
    ASSERT_EQ(m->needs.size(), 2U);
    EXPECT_EQ(m->needs[0].id, "host.loop/1");
    EXPECT_EQ(m->needs[0].size, 64U);
    EXPECT_EQ(m->needs[1].size, 0U);
    EXPECT_THAT(m->kinds, ElementsAre(PV_KIND_DOMAIN, PV_KIND_SNAPSHOT));
    EXPECT_THAT(m->serves, ElementsAre(PV_KIND_NETWORK));
    EXPECT_THAT(m->uses, ElementsAre(PV_KIND_POOL));
}

TEST(Manifest, says_what_is_wrong_with_it) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "a map of keys is expected"},
        {"- a\n", "a map of keys is expected"},
        {"abi: [0, 1]\n", "id: a name"},
        {"id: ../evil\nabi: [0, 1]\n", "id: a name"},
        {"id: .hidden\nabi: [0, 1]\n", "id: a name"},
        {"id: " + std::string(65, 'x') + "\nabi: [0, 1]\n", "id: a name"},
        {"id: x\n", "abi: [major, minor] is expected"},
        {"id: x\nabi: [0, one]\n", "'one' is not a number"},
        {"id: x\nabi: [0, 1]\nkinds: [domian]\n", "no kind of object is named 'domian'"},
        {"id: x\nabi: [0, 1]\nneeds: [host.loop/1>=big]\n", "'big' is not a number"},
        {"id: x\nabi: [0, 1]\nuri: vmm\n", "uri: a list is expected"},
        {"id: [\n", "not valid YAML"},
        {std::string(60'000, '['), "not valid YAML"},
    };
    for (const auto& [text, expected] : cases) {
        const auto m = parse_manifest(text, "x.so");
        ASSERT_FALSE(m) << text.substr(0, 40);
        EXPECT_THAT(m.error().message, HasSubstr(expected));
        EXPECT_THAT(m.error().message, HasSubstr("x.so"));
    }
}

} // namespace
} // namespace polyvirt::plugin
