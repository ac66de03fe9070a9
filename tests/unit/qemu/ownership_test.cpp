// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "ownership/access.h"
#include "ownership/claims.h"
#include "ownership/identity.h"

namespace polyvirt::qemu {
namespace {

using testing::HasSubstr;

Identity somebody() { return {.uid = 4242, .gid = 4243, .groups = {4244}, .user = "somebody", .changes = true}; }

struct stat file_of(std::uint32_t uid, std::uint32_t gid, mode_t mode) {
    struct stat st {};
    st.st_uid = uid;
    st.st_gid = gid;
    st.st_mode = mode;
    return st;
}

// As the kernel keeps it: version 2, then tag, permissions, id.
std::string acl_of(std::initializer_list<std::array<std::uint32_t, 3>> entries) {
    std::string acl("\x02\0\0\0", 4);
    for (const auto& [tag, perm, id] : entries) {
        const std::uint16_t halves[2] = {static_cast<std::uint16_t>(tag), static_cast<std::uint16_t>(perm)};
        acl.append(reinterpret_cast<const char*>(halves), 4);
        acl.append(reinterpret_cast<const char*>(&id), 4);
    }
    return acl;
}

TEST(Access, asks_the_first_of_owner_group_and_others_that_fits) {
    const Identity who = somebody();
    EXPECT_FALSE(refuses(who, file_of(4242, 0, 0600), "", kRead | kWrite));
    EXPECT_TRUE(refuses(who, file_of(4242, 0, 0077), "", kRead)); // whoever owns it is not among the others
    EXPECT_FALSE(refuses(who, file_of(0, 4244, 0040), "", kRead));
    EXPECT_TRUE(refuses(who, file_of(0, 4244, 0707), "", kRead));
    EXPECT_FALSE(refuses(who, file_of(0, 0, 0704), "", kRead));
    EXPECT_EQ(*refuses(who, file_of(0, 0, 0700), "", kSearch), "mode 0700, owner 0:0");
}

TEST(Access, asks_the_entries_of_an_acl) {
    const Identity who = somebody();
    const std::string lets_in = acl_of({{1, 7, ~0U}, {2, 5, 4242}, {4, 0, ~0U}, {16, 7, ~0U}, {32, 0, ~0U}});
    EXPECT_FALSE(refuses(who, file_of(0, 0, 0770), lets_in, kSearch));
    EXPECT_TRUE(refuses(who, file_of(0, 0, 0770), lets_in, kWrite));
    const std::string masked = acl_of({{1, 7, ~0U}, {2, 5, 4242}, {4, 0, ~0U}, {16, 0, ~0U}, {32, 7, ~0U}});
    EXPECT_THAT(*refuses(who, file_of(0, 0, 0707), masked, kSearch), HasSubstr("mask ---"));
}

class InAFolderOfFiles : public testing::Test {
  protected:
    InAFolderOfFiles() {
        if (::geteuid() != 0) return;
        std::string pattern = "/tmp/pvownXXXXXX";
        root = ::mkdtemp(pattern.data());
        std::filesystem::permissions(root, std::filesystem::perms(0755));
    }
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "changes owners: root alone can";
    }
    ~InAFolderOfFiles() override {
        if (!root.empty()) std::filesystem::remove_all(root);
    }
    std::string file(const std::string& name, mode_t mode = 0600) const {
        const std::string path = root + "/" + name;
        std::ofstream(path) << "x";
        ::chmod(path.c_str(), mode);
        return path;
    }
    std::uint32_t owner(const std::string& path) const {
        struct stat st {};
        ::stat(path.c_str(), &st);
        return st.st_uid;
    }
    std::string root;
};

TEST_F(InAFolderOfFiles, the_component_that_refuses_is_named) {
    std::filesystem::create_directories(root + "/a/b");
    ::chmod((root + "/a").c_str(), 0700);
    const std::string path = file("a/b/disk.img");
    const auto refusal = find_refusal(somebody(), path, kRead);
    ASSERT_TRUE(refusal && *refusal);
    EXPECT_EQ((*refusal)->component, root + "/a");
    EXPECT_FALSE((*refusal)->last);
    const Error error = refused(somebody(), path, **refusal);
    EXPECT_THAT(error.message, HasSubstr("'" + root + "/a' refuses to let user 'somebody' search it"));
    EXPECT_THAT(error.message, HasSubstr("mode 0700"));
    EXPECT_THAT(error.message, HasSubstr("setfacl -m u:somebody:x '" + root + "/a'"));
}

TEST_F(InAFolderOfFiles, links_are_followed_to_what_refuses) {
    std::filesystem::create_directories(root + "/hidden");
    ::chmod((root + "/hidden").c_str(), 0700);
    file("hidden/disk.img");
    std::filesystem::create_symlink("hidden/../hidden/disk.img", root + "/link");
    const auto refusal = find_refusal(somebody(), root + "/link", kRead);
    ASSERT_TRUE(refusal && *refusal);
    EXPECT_EQ((*refusal)->component, root + "/hidden");
}

TEST_F(InAFolderOfFiles, links_without_end_end) {
    std::filesystem::create_symlink("loop", root + "/loop");
    EXPECT_FALSE(find_refusal(somebody(), root + "/loop", kRead));
}

TEST_F(InAFolderOfFiles, a_file_is_given_and_given_back) {
    const std::string path = file("disk.img");
    Claims claims;
    const auto mine = claims.reserve(somebody(), {{.path = path, .write = true}});
    ASSERT_TRUE(mine) << mine.error().message;
    ASSERT_EQ(mine->size(), 1U);
    EXPECT_EQ(owner(path), 0U);
    ASSERT_TRUE(claims.apply(*mine));
    EXPECT_EQ(owner(path), 4242U);
    claims.give_back(*mine);
    EXPECT_EQ(owner(path), 0U);
}

TEST_F(InAFolderOfFiles, what_can_be_used_as_it_is_stays_as_it_is) {
    Claims claims;
    const auto mine = claims.reserve(somebody(), {{.path = file("kernel", 0644)}});
    ASSERT_TRUE(mine) << mine.error().message;
    EXPECT_TRUE(mine->empty());
}

TEST_F(InAFolderOfFiles, the_last_of_several_gives_it_back) {
    const std::string path = file("shared.img");
    Claims claims;
    const auto one = claims.reserve(somebody(), {{.path = path, .write = true}});
    ASSERT_TRUE(one && claims.apply(*one));
    // The second could use it as it is, as long as the first has it.
    const auto two = claims.reserve(somebody(), {{.path = path, .write = true}});
    ASSERT_TRUE(two && claims.apply(*two));
    claims.give_back(*one);
    EXPECT_EQ(owner(path), 4242U);
    claims.give_back(*two);
    EXPECT_EQ(owner(path), 0U);
}

TEST_F(InAFolderOfFiles, a_daemon_that_starts_again_knows_who_had_it) {
    const std::string path = file("disk.img");
    std::vector<Claim> written;
    {
        Claims earlier;
        written = *earlier.reserve(somebody(), {{.path = path, .write = true}});
        ASSERT_TRUE(earlier.apply(written));
    }
    Claims later;
    later.restore(written);
    later.give_back(written);
    EXPECT_EQ(owner(path), 0U);
}

TEST_F(InAFolderOfFiles, what_was_never_given_is_not_given_back) {
    const std::string path = file("disk.img");
    ASSERT_EQ(::chown(path.c_str(), 77, 77), 0);
    Claims claims;
    const auto mine = claims.reserve(somebody(), {{.path = path, .write = true}});
    ASSERT_TRUE(mine);
    ASSERT_EQ(::chown(path.c_str(), 78, 78), 0); // by somebody else, in between
    claims.give_back(*mine);
    EXPECT_EQ(owner(path), 78U);
}

TEST_F(InAFolderOfFiles, a_file_whose_owner_is_to_stay_is_refused_instead) {
    Claims claims;
    const auto mine = claims.reserve(somebody(), {{.path = file("disk.img"), .keep = true}});
    ASSERT_FALSE(mine);
    EXPECT_EQ(mine.error().code, ErrorCode::system_error);
    EXPECT_THAT(mine.error().message, HasSubstr("refuses to let user 'somebody' read it"));
}

TEST_F(InAFolderOfFiles, a_file_that_is_not_there_is_named) {
    Claims claims;
    const auto mine = claims.reserve(somebody(), {{.path = root + "/none"}});
    ASSERT_FALSE(mine);
    EXPECT_THAT(mine.error().message, HasSubstr("Cannot access storage file '" + root + "/none' (as uid:4242, gid:4243): No such file"));
}

TEST(Identity, is_a_name_or_a_number) {
    const auto root = identity_of("root", "");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0U);
    const auto numbers = identity_of_label("+4242:+4243");
    ASSERT_TRUE(numbers);
    EXPECT_EQ(numbers->label(), "+4242:+4243");
    EXPECT_TRUE(numbers->changes);
    EXPECT_FALSE(identity_of("no-such-user", ""));
    EXPECT_FALSE(identity_of_label(""));
}

} // namespace
} // namespace polyvirt::qemu
