// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "helper/helper.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "part_name.h"

namespace polyvirt::storage::helper {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Helper : public ::testing::Test {
  protected:
    Helper() {
        std::string pattern = (fs::temp_directory_path() / "pvsto.XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
    }
    ~Helper() override { fs::remove_all(folder); }
    std::string in(const std::string& name) const { return folder + "/" + name; }
    void write(const std::string& name, const std::string& text) const { std::ofstream(in(name)) << text; }
    std::string read(const std::string& name) const {
        std::ifstream file(in(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    Facts file(const std::string& name) const { return {{"part", in(".polyvirt-1.part")}, {"path", in(name)}}; }

    std::string folder;
};

std::vector<std::string> names(const Answer& answer) {
    std::vector<std::string> list;
    for (const Facts& v : answer.volumes) list.push_back(v.text("name"));
    return list;
}

TEST_F(Helper, scan_shows_files_and_folders_alone) {
    write("b", "text");
    write("a", std::string("QFI\xfb\0\0\0\3", 8) + std::string(600, '\xff')); // a header that cannot be
    write(".polyvirt-x.part", "half");
    write("bad\nname", "");
    write("bad\xff", "");
    fs::create_directory(in("sub"));
    fs::create_directory(in("lost+found"));
    fs::create_symlink("/nowhere", in("dangling"));
    ::mkfifo(in("fifo").c_str(), 0600);
    const auto answer = scan({{"path", folder}});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(names(*answer), ElementsAre("a", "b", "sub"));
    EXPECT_EQ(answer->facts.number("skipped"), 4U);
    EXPECT_EQ(answer->volumes[0].text("format"), "raw");
    EXPECT_EQ(answer->volumes[1].number("physical"), 4U);
    EXPECT_EQ(answer->volumes[2].text("type"), "dir");
    EXPECT_EQ(answer->facts.number("capacity"),
              answer->facts.number("available") + answer->facts.number("allocation"));
}

TEST_F(Helper, scan_of_nothing_says_so_in_the_peers_words) {
    const auto answer = scan({{"path", in("none")}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "cannot open directory '" + in("none") + "': No such file or directory");
}

TEST_F(Helper, a_file_is_made_whole_or_not_at_all) {
    Facts request = file("v");
    request.set("capacity", 10'000);
    request.set("allocation", 4096);
    request.set("mode", 0640);
    ASSERT_TRUE(make_file(request));
    struct stat st {};
    ASSERT_EQ(::stat(in("v").c_str(), &st), 0);
    EXPECT_EQ(st.st_size, 10'000);
    EXPECT_GE(st.st_blocks, 8);
    EXPECT_EQ(st.st_mode & 0777U, 0640U);
    const auto again = make_file(request);
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, HasSubstr("already exists"));
    request = file("huge");
    request.set("capacity", UINT64_MAX);
    EXPECT_FALSE(make_file(request));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Helper, a_name_is_never_taken_from_what_is_there) {
    write("part", "new");
    write("v", "old");
    const Status named = give_name(in("part"), in("v"));
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, ErrorCode::operation_failed);
    EXPECT_EQ(read("v"), "old");
    EXPECT_FALSE(fs::exists(in("part")));
}

TEST_F(Helper, copy_keeps_holes) {
    std::ofstream(in("from")) << "begin";
    fs::resize_file(in("from"), 1 << 20);
    std::ofstream(in("from"), std::ios::in | std::ios::out).seekp((1 << 20) - 3) << "end";
    Facts request = file("to");
    request.set("from", in("from"));
    request.set("capacity", 2 << 20);
    ASSERT_TRUE(copy(request));
    const std::string text = read("to");
    EXPECT_EQ(text.size(), std::size_t{2} << 20);
    EXPECT_EQ(text.substr(0, 5), "begin");
    EXPECT_EQ(text.substr((1 << 20) - 3, 3), "end");
    struct stat st {};
    ASSERT_EQ(::stat(in("to").c_str(), &st), 0);
    EXPECT_LT(st.st_blocks, 512);
}

TEST_F(Helper, wipe_leaves_zeros) {
    write("full", std::string(100'000, 'x'));
    write("holes", "x");
    fs::resize_file(in("holes"), 1 << 20);
    for (const char* name : {"full", "holes"}) {
        const auto size = fs::file_size(in(name));
        ASSERT_TRUE(wipe({{"path", in(name)}}));
        EXPECT_EQ(read(name), std::string(size, '\0'));
    }
}

TEST_F(Helper, removing_what_has_gone_succeeds) {
    EXPECT_TRUE(remove({{"path", in("none")}}));
    EXPECT_TRUE(discard({{"path", in("none")}}));
    fs::create_directory(in("sub"));
    write("sub/x", "");
    EXPECT_FALSE(remove({{"path", in("sub")}, {"folder", true}}));
    EXPECT_FALSE(remove_pool({{"path", in("sub")}}));
}

TEST_F(Helper, a_pools_folder_is_made_with_those_above_it) {
    ASSERT_TRUE(make_pool({{"path", in("a/b/c")}, {"mode", 0750}}));
    EXPECT_EQ(fs::status(in("a/b/c")).permissions(), fs::perms{0750});
    ASSERT_TRUE(make_pool({{"path", in("a/b/c")}})); // one that is there keeps its mode
    EXPECT_EQ(fs::status(in("a/b/c")).permissions(), fs::perms{0750});
}

TEST_F(Helper, look_says_what_is_below) {
    std::string head(112, '\0');
    const std::string name = "base";
    head.replace(0, 8, std::string("QFI\xfb\0\0\0\3", 8));
    head[15] = 112;                               // where the name is
    head[19] = static_cast<char>(name.size());    // its length
    head[23] = 16;                                // clusters of 64 KiB
    head[29] = 1;                                 // 64 KiB long
    head[103] = 104;                              // the header's length
    head.resize(104);
    head += std::string(8, '\0') + name;
    write("top", head);
    write("base", "plain");
    const auto answer = look({{"name", "top"}, {"path", in("top")}, {"format", "qcow2"}});
    ASSERT_TRUE(answer) << answer.error().message;
    const Facts& v = answer->volumes.at(0);
    EXPECT_EQ(v.number("capacity"), 65'536U);
    EXPECT_EQ(v.text("compat"), "1.1");
    EXPECT_EQ(v.text("backing.path"), in("base"));
    EXPECT_EQ(v.text("backing.format"), "raw");
    EXPECT_TRUE(v.has("backing.mode"));
}

TEST(PartName, is_told_from_other_names) {
    EXPECT_TRUE(is_part_name(".polyvirt-x.part"));
    EXPECT_FALSE(is_part_name(".polyvirt-.part"));
    EXPECT_FALSE(is_part_name("polyvirt-x.part"));
    EXPECT_EQ(part_path("/p", "7"), "/p/.polyvirt-7.part");
}

TEST(Verbs, unknown_ones_are_none) {
    EXPECT_NE(find_verb("scan"), nullptr);
    EXPECT_EQ(find_verb("rm"), nullptr);
}

} // namespace
} // namespace polyvirt::storage::helper
