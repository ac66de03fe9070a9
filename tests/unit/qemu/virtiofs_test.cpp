// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which program serves a file system, and what it is told.
#include "virtiofs/program.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "monitor/monitor.h"
#include "save/migrate.h"
#include "sdk/domain/device.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kOld = "/usr/lib/qemu/virtiofsd";
constexpr const char* kNew = "/usr/libexec/virtiofsd";

std::vector<InteropFile> descriptors() {
    return {{"/d/10-gpu.json", R"({"type": "gpu", "binary": "/usr/libexec/vhost-user-gpu"})"},
            {"/d/20-broken.json", R"({"type": "fs")"},
            {"/d/30-nothing.json", R"({"type": "fs"})"},
            {"/d/50-old.json", fmt::format(R"({{"description": "x", "type": "fs", "binary": "{}"}})", kOld)},
            {"/d/60-new.json", fmt::format(R"({{"type": "fs", "binary": "{}", "features": ["migrate-precopy", "separate-options"]}})", kNew)}};
}

Filesystem filesystem(std::string_view inner, std::string_view source = "dir='/s'") {
    const auto device = sdk::domain::parse_device(fmt::format("<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/>{}<source {}/>"
                                                              "<target dir='t'/></filesystem>",
                                                              inner, source),
                                                  false);
    EXPECT_TRUE(device) << device.error().message;
    return device->as<Filesystem>();
}

TEST(FsProgram, is_the_first_that_serves_file_systems) {
    const auto found = choose_fs_program(descriptors(), "");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->path, kOld);
    EXPECT_FALSE(found->separate_options);
}

TEST(FsProgram, that_a_document_names_is_what_its_descriptor_says) {
    const auto found = choose_fs_program(descriptors(), kNew);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->path, kNew);
    EXPECT_TRUE(found->separate_options);
    const auto own = choose_fs_program(descriptors(), "/opt/server");
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_EQ(own->path, "/opt/server");
    EXPECT_FALSE(own->separate_options);
}

TEST(FsProgram, is_missed_where_a_document_leaves_it_open_and_there_is_none) {
    const auto found = choose_fs_program({descriptors()[0], descriptors()[2]}, "");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::operation_failed);
}

TEST(FsProgram, has_a_server_to_be_started_unless_one_listens_already) {
    EXPECT_TRUE(wants_server(filesystem("")));
    EXPECT_FALSE(wants_server(filesystem("", "socket='/s.sock'")));
    Filesystem plan9 = filesystem("");
    plan9.driver.type = "path";
    EXPECT_FALSE(wants_server(plan9));
}

struct Row {
    const char *inner, *source;
    std::vector<std::string> old_words, new_words; // behind program and descriptor
};

TEST(FsServerCommand, says_the_same_to_both_kinds_of_program) {
    const std::vector<Row> rows = {
        {"", "dir='/s'", {"-o", "source=/s"}, {"--shared-dir", "/s"}},
        {"", "dir='/a,b\\c d'", {"-o", "source=/a\\,b\\\\c d"}, {"--shared-dir", "/a,b\\c d"}},
        {"<binary xattr='on'><cache mode='always'/><sandbox mode='chroot'/><thread_pool size='16'/></binary>", "dir='/s'",
         {"-o", "source=/s,cache=always,sandbox=chroot,xattr", "--thread-pool-size=16"},
         {"--shared-dir", "/s", "--cache", "always", "--sandbox", "chroot", "--xattr", "--thread-pool-size=16"}},
        {"<binary xattr='off'><cache mode='none'/><sandbox mode='namespace'/><lock posix='off' flock='off'/><thread_pool size='0'/></binary>", "dir='/s'",
         {"-o", "source=/s,cache=none,sandbox=namespace,no_xattr,no_flock,no_posix_lock", "--thread-pool-size=0"},
         {"--shared-dir", "/s", "--cache", "never", "--sandbox", "namespace", "--thread-pool-size=0"}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.inner);
        const Filesystem f = filesystem(row.inner, row.source);
        for (const bool separate : {false, true}) {
            const auto words = fs_server_command({"/p", separate}, f, 3);
            ASSERT_TRUE(words) << words.error().message;
            std::vector<std::string> expected = separate ? row.new_words : row.old_words;
            expected.insert(expected.begin(), {"/p", "--fd=3"});
            EXPECT_EQ(*words, expected);
        }
    }
}

TEST(FsServerCommand, refuses_locks_that_a_program_has_not) {
    for (const char* lock : {"<binary><lock posix='on'/></binary>", "<binary><lock flock='on'/></binary>"}) {
        const Filesystem f = filesystem(lock);
        EXPECT_TRUE(fs_server_command({kOld}, f, 3));
        const auto refused = fs_server_command({kNew, true}, f, 3);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::config_unsupported);
        EXPECT_THAT(refused.error().message, HasSubstr(kNew));
    }
    const auto both = fs_server_command({kOld}, filesystem("<binary><lock posix='on' flock='on'/></binary>"), 3);
    ASSERT_TRUE(both);
    EXPECT_THAT(*both, ElementsAre(kOld, "--fd=3", "-o", "source=/s,flock,posix_lock"));
}

TEST(MigrationBlockers, are_all_told) {
    EXPECT_EQ(migration_blockers(Json::parse(R"({"blocked-reasons": ["a", 5, "b"]})")), "a; b");
    EXPECT_EQ(migration_blockers(Json::parse(R"({"blocked-reasons": 7})")), "");
    EXPECT_EQ(migration_blockers(Json::parse("{}")), "");
    EXPECT_EQ(migration_blockers(Json::parse("[]")), "");
}

} // namespace
} // namespace polyvirt::qemu
