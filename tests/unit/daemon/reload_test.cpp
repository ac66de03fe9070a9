// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/reload.h"

#include <gmock/gmock.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/daemon/descriptors.h"
#include "host/daemon/sockets.h"
#include "tests/unit/daemon/config_fixture.h"

namespace polyvirt::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReloaderTest : public ConfigTest {
  protected:
    ReloaderTest() {
        log::set_sink(
            [](void* context, log::Level, std::string_view, std::string_view text) {
                static_cast<ReloaderTest*>(context)->said_.emplace_back(text);
            },
            this);
    }
    ~ReloaderTest() override { log::set_sink(nullptr, nullptr); }

    // An action that keeps what it saw.
    Reloader::Prepare action(std::vector<std::int64_t>& seen) {
        return [&seen](const Config& was, const Config& now) -> Result<Reloader::Apply> {
            return Reloader::Apply([&seen, &was, &now] {
                seen.push_back(was.integer("limits.max_clients"));
                seen.push_back(now.integer("limits.max_clients"));
            });
        };
    }
    // Elided, as it cannot be moved.
    Reloader make(const std::string& text) { return {{.file = path("polyvirtd.yaml")}, load(text).config}; }

    std::vector<std::string> said_;
};

TEST_F(ReloaderTest, actions_see_what_was_and_what_is) {
    Reloader reloader = make("limits: {max_clients: 200}\n");
    std::vector<std::int64_t> seen;
    reloader.add("limits", action(seen));
    write("polyvirtd.yaml", "limits: {max_clients: 300}\n");
    EXPECT_TRUE(reloader.reload());
    EXPECT_TRUE(reloader.reload()); // files behind the settings may have changed
    EXPECT_THAT(seen, ElementsAre(200, 300, 300, 300));
    EXPECT_EQ(reloader.config()->integer("limits.max_clients"), 300);
    EXPECT_THAT(said_, testing::Contains(HasSubstr("polyvirtd.yaml:1: limits.max_clients: changed")));
}

TEST_F(ReloaderTest, a_wrong_file_changes_nothing) {
    Reloader reloader = make("limits: {max_clients: 200}\n");
    std::vector<std::int64_t> seen;
    reloader.add("limits", action(seen));
    write("polyvirtd.yaml", "limits: {max_clients: 300, x: 1, y: 2}\n");
    EXPECT_FALSE(reloader.reload());
    EXPECT_TRUE(seen.empty());
    EXPECT_EQ(reloader.config()->integer("limits.max_clients"), 200);
    EXPECT_THAT(said_, ElementsAre(HasSubstr("limits.x"), HasSubstr("limits.y"), HasSubstr("everything stays")));
}

TEST_F(ReloaderTest, an_action_that_says_no_keeps_all_others_from_being_applied) {
    Reloader reloader = make("limits: {max_clients: 200}\n");
    std::vector<std::int64_t> seen;
    reloader.add("limits", action(seen));
    reloader.add("tls", [](const Config&, const Config&) -> Result<Reloader::Apply> {
        return make_error_text(ErrorCode::conf_syntax, ErrorDomain::conf, "the certificate has expired");
    });
    write("polyvirtd.yaml", "limits: {max_clients: 300}\n");
    EXPECT_FALSE(reloader.reload());
    EXPECT_TRUE(seen.empty());
    EXPECT_EQ(reloader.config()->integer("limits.max_clients"), 200);
    EXPECT_THAT(said_, ElementsAre("tls: the certificate has expired; everything stays as it was"));
}

TEST_F(ReloaderTest, what_needs_a_start_is_named) {
    Reloader reloader = make("");
    write("polyvirtd.yaml", "listen: {unix: {mode: 0770}}\nplugins: {x: {y: 1}}\n");
    EXPECT_TRUE(reloader.reload());
    EXPECT_THAT(said_, testing::Contains(HasSubstr(":1: listen.unix.mode: changed; takes effect when the daemon starts")));
    EXPECT_THAT(said_, testing::Contains(HasSubstr("plugins.x.y: changed; its plugin is told")));
}

TEST_F(ReloaderTest, a_file_that_went_away_is_as_empty) {
    Reloader reloader = make("limits: {max_clients: 200}\n");
    std::filesystem::remove(path("polyvirtd.yaml"));
    EXPECT_TRUE(reloader.reload());
    EXPECT_EQ(reloader.config()->integer("limits.max_clients"), 5000);
}

TEST(Descriptors, too_few_for_the_clients_are_told) {
    const Config config;
    const std::uint64_t needed = descriptors_needed(config);
    EXPECT_GT(needed, 5100U);
    EXPECT_EQ(too_few_descriptors(config, needed), "");
    EXPECT_THAT(too_few_descriptors(config, 1024),
                testing::AllOf(HasSubstr("at most 1024 files"), HasSubstr("limits.max_clients (default)")));
}

TEST(Sockets, what_is_handed_over_is_told_by_its_name_then_its_path) {
    EXPECT_EQ(role_of("rw", ""), Role::read_write);
    EXPECT_EQ(role_of("ro", "/x/y-sock"), Role::read_only);
    EXPECT_EQ(role_of("polyvirtd-admin.socket", ""), Role::admin);
    EXPECT_EQ(role_of("other.socket", "/run/libvirt/libvirt-sock"), Role::read_write);
    EXPECT_EQ(role_of("", "/run/libvirt/libvirt-sock-ro"), Role::read_only);
    EXPECT_EQ(role_of("", "/run/libvirt/libvirt-admin-sock"), Role::admin);
    EXPECT_EQ(role_of("odd", "/tmp/odd"), Role::unknown);
}

} // namespace
} // namespace polyvirt::daemon
