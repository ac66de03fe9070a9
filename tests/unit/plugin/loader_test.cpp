// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/loader.h"

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

std::string test_plugin(const std::string& name) { return std::string(TEST_PLUGINS) + "/" + name + "/" + name + ".so"; }

Result<std::shared_ptr<const Generation>> load(const std::string& path) {
    static const pv_host_root root{sizeof(pv_host_root), PV_ABI_MINOR, "t", "t", find_service};
    return load_plugin(path, service_offers(), root);
}

std::string refusal(const std::string& path) {
    const auto loaded = load(path);
    return loaded ? "(it was loaded)" : loaded.error().message;
}

TEST(Loader, loads_a_plugin_in_c) {
    const auto loaded = load(test_plugin("t_good"));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ((*loaded)->manifest.id, "t_good");
    EXPECT_EQ((*loaded)->plugin.size, sizeof(pv_plugin));
    EXPECT_EQ((*loaded)->plugin.reconfigure, nullptr);
}

TEST(Loader, names_what_is_wrong) {
    using ::testing::HasSubstr;
    const std::pair<const char*, const char*> cases[] = {
        {"t_no_note", "it has no manifest"},
        {"t_wrong_abi", "it needs plugin ABI 0.9, this daemon offers 0.3"},
        {"t_need_missing", "'host.teleport/1' (size 48), which this daemon (plugin ABI 0.3) does not offer"},
        {"t_need_too_new", "'host.call/1' of size 4096 at least, this daemon offers size"},
        {"t_no_entry", "it does not export pv_plugin_entry_v1"},
        {"t_entry_null", "it refuses to be loaded: no such hardware here"},
        {"t_short_table", "its plugin table has 24 bytes, at least"},
        {"t_no_create", "its plugin table has no 'create'"},
        {"t_other_id", "its manifest says id 't_other_id', its plugin table 't_other'"},
        {"t_bad_concurrency", "concurrency 7 is unknown"},
        {"t_bad_yaml", "manifest is not valid YAML"},
        {"t_undefined_symbol", "undefined symbol: nobody_has_this"},
    };
    for (const auto& [name, text] : cases) {
        const std::string message = refusal(test_plugin(name));
        EXPECT_THAT(message, HasSubstr(text)) << name;
        EXPECT_THAT(message, HasSubstr(std::string(name) + ".so")) << name;
        EXPECT_THAT(message, ::testing::Not(HasSubstr("Bad file descriptor"))) << name;
    }
}

TEST(Loader, refuses_what_is_no_plugin) {
    using ::testing::HasSubstr;
    const TempDir dir;
    ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
    std::ofstream(dir.path() + "/text.so") << "this is not a shared object, however long it may be: "
                                           << std::string(200, 'x');
    std::ofstream(dir.path() + "/empty.so");
    EXPECT_THAT(refusal(dir.path() + "/text.so"), HasSubstr("not an ELF file"));
    EXPECT_THAT(refusal(dir.path() + "/empty.so"), HasSubstr("not an ELF file"));
    EXPECT_THAT(refusal(dir.path() + "/absent.so"), HasSubstr("No such file"));
    ASSERT_EQ(::mkfifo((dir.path() + "/pipe.so").c_str(), 0600), 0);
    EXPECT_THAT(refusal(dir.path() + "/pipe.so"), HasSubstr("not a regular file"));
    EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
}

class LoaderOwner : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
        path = dir.path() + "/t_good.so";
        std::filesystem::copy_file(test_plugin("t_good"), path);
        ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    }
    [[nodiscard]] std::string fault() const {
        const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const Status checked = check_owner(fd.get(), path, ::geteuid());
        return checked ? std::string() : checked.error().message;
    }
    TempDir dir;
    std::string path;
};

TEST_F(LoaderOwner, accepts_files_of_the_programs_owner) { EXPECT_EQ(fault(), ""); }

TEST_F(LoaderOwner, refuses_a_file_that_others_may_write) {
    for (const mode_t mode : {0664U, 0646U}) {
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
        EXPECT_THAT(fault(), ::testing::HasSubstr("the file may be written by its group or by others"));
    }
}

TEST_F(LoaderOwner, refuses_a_folder_that_others_may_write) {
    for (const mode_t mode : {0775U, 01777U}) {
        ASSERT_EQ(::chmod(dir.path().c_str(), mode), 0);
        EXPECT_THAT(fault(), ::testing::HasSubstr("its folder " + dir.path() + " may be written"));
    }
}

TEST_F(LoaderOwner, refuses_files_of_somebody_else) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
    EXPECT_THAT(fault(), ::testing::HasSubstr("the file belongs to uid 12345"));
}

TEST_F(LoaderOwner, looks_at_the_folder_that_a_link_leads_to) {
    ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
    const TempDir good;
    ASSERT_EQ(::chmod(good.path().c_str(), 0755), 0);
    ASSERT_EQ(::symlink(path.c_str(), (good.path() + "/link.so").c_str()), 0);
    EXPECT_THAT(refusal(good.path() + "/link.so"), ::testing::HasSubstr("its folder " + dir.path()));
}

} // namespace
} // namespace polyvirt::plugin
