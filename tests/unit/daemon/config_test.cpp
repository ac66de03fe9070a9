// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/config.h"

#include <gmock/gmock.h>

#include "tests/unit/daemon/config_fixture.h"

namespace polyvirt::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ConfigTest, a_missing_file_means_defaults) {
    const Config::Loaded loaded = Config::load({.file = path("none.yaml")});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.integer("limits.max_clients"), 5000);
    EXPECT_FALSE(loaded.config.origin("limits.max_clients").given());
}

TEST_F(ConfigTest, a_missing_file_that_was_asked_for_is_a_problem) {
    EXPECT_THAT(Config::load({.file = path("none.yaml"), .must_exist = true}).problems,
                ElementsAre(HasSubstr("none.yaml: there is no such file")));
}

TEST_F(ConfigTest, values_of_every_kind_are_read_where_they_stand) {
    const Config::Loaded loaded = load("listen:\n"
                                       "  unix: {mode: 0770, group: 0, readonly: no}\n"
                                       "limits:\n"
                                       "  max_clients: 77\n"
                                       "  max_queued_bytes: 3 MiB\n"
                                       "  auth_deadline: 1500ms\n"
                                       "log.level: debug\n"
                                       "reported_version: '8.1.2'\n");
    const Config& c = loaded.config;
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(c.mode("listen.unix.mode"), 0770U);
    EXPECT_EQ(c.text("listen.unix.group"), "0");
    EXPECT_FALSE(c.flag("listen.unix.readonly"));
    EXPECT_EQ(c.integer("limits.max_clients"), 77);
    EXPECT_EQ(c.size("limits.max_queued_bytes"), 3U << 20);
    EXPECT_EQ(c.duration("limits.auth_deadline"), std::chrono::milliseconds(1500));
    EXPECT_EQ(c.text("log.level"), "debug");
    EXPECT_EQ(c.text("reported_version"), "8.1.2");
    EXPECT_EQ(c.where("limits.max_clients"), path("polyvirtd.yaml") + ":4: limits.max_clients");
    EXPECT_EQ(c.origin("limits.max_clients").column, 16);
    EXPECT_EQ(c.where("drain_time"), "drain_time (default)");
}

TEST_F(ConfigTest, unknown_settings_are_named_with_what_was_meant) {
    EXPECT_THAT(problems("limits:\n  max_clinets: 5\n"),
                ElementsAre("polyvirtd.yaml:2:3: limits.max_clinets: there is no such setting; did you mean "
                            "limits.max_clients?"));
    EXPECT_THAT(problems("limit:\n  max_clients: 5\n"),
                ElementsAre("polyvirtd.yaml:1:1: limit: there is no such setting; did you mean limits?"));
    EXPECT_THAT(problems("max_clients: 5\n"),
                ElementsAre("polyvirtd.yaml:1:1: max_clients: there is no such setting; did you mean "
                            "limits.max_clients, or admin_limits.max_clients?"));
    EXPECT_THAT(problems("quux: {a: 1, b: 2}\n"),
                ElementsAre("polyvirtd.yaml:1:1: quux: there is no such setting"));
}

TEST_F(ConfigTest, wrong_values_are_named_with_what_is_expected) {
    EXPECT_THAT(
        problems("limits:\n  max_clients: many\n"),
        ElementsAre("polyvirtd.yaml:2:16: limits.max_clients: found 'many', expected an integer from 1 to "
                    "1000000"));
    EXPECT_THAT(problems("limits:\n  max_clients: 0\n"),
                ElementsAre(HasSubstr("found '0', expected an integer from 1")));
    EXPECT_THAT(problems("limits:\n  max_clients: 99999999999999999999\n"),
                ElementsAre(HasSubstr(":2:16: ")));
    EXPECT_THAT(
        problems("limits: {auth_deadline: 10 parsecs}\n"),
        ElementsAre("polyvirtd.yaml:1:25: limits.auth_deadline: found '10 parsecs', expected a duration from "
                    "100ms to 1h, such as 500ms, 30s or 5min"));
    EXPECT_THAT(problems("limits: {max_queued_bytes: -1}\n"),
                ElementsAre(HasSubstr("expected a size from 1KiB to 1TiB")));
    EXPECT_THAT(problems("limits: {max_queued_bytes: 9999999999TiB}\n"),
                ElementsAre(HasSubstr("expected a size")));
    EXPECT_THAT(
        problems("log: {level: loud}\n"),
        ElementsAre(
            "polyvirtd.yaml:1:14: log.level: found 'loud', expected one of debug, info, warning, error"));
    EXPECT_THAT(problems("listen: {unix: {mode: 0788}}\n"), ElementsAre(HasSubstr("permissions in octal")));
    EXPECT_THAT(problems("listen: {unix: {mode: 07777}}\n"), ElementsAre(HasSubstr("permissions in octal")));
    EXPECT_THAT(problems("listen: {unix: {readonly: maybe}}\n"),
                ElementsAre(HasSubstr("expected true or false")));
    EXPECT_THAT(problems("listen: {unix: {group: no-such-group-here}}\n"),
                ElementsAre(HasSubstr(
                    "1:24: listen.unix.group: found 'no-such-group-here', expected the name or number")));
    EXPECT_THAT(problems("reported_version: 9\n"),
                ElementsAre(HasSubstr("expected a version such as 9.0.0")));
}

TEST_F(ConfigTest, wrong_shapes_are_named) {
    EXPECT_THAT(problems("limits: 5\n"),
                ElementsAre("polyvirtd.yaml:1:9: limits: found '5', expected a section (lines NAME: VALUE)"));
    EXPECT_THAT(problems("- a\n- b\n"),
                ElementsAre(HasSubstr("1:1: the file: found a list, expected a section")));
    EXPECT_THAT(
        problems("limits:\n  max_clients:\n"),
        ElementsAre(
            "polyvirtd.yaml:2:3: limits.max_clients: found nothing, expected an integer from 1 to 1000000"));
    EXPECT_THAT(problems("limits:\n  max_clients: {a: 1}\n"),
                ElementsAre(HasSubstr("2:16: limits.max_clients: found a section")));
    EXPECT_THAT(problems("limits:\n  max_clients: [1, 2]\n"),
                ElementsAre(HasSubstr("found a list, expected an integer")));
    EXPECT_THAT(problems("[a]: 5\n"), ElementsAre(HasSubstr("1:1: found a list as a name")));
    EXPECT_THAT(problems("limits:\n---\nlimits:\n"), ElementsAre(HasSubstr("a second document begins")));
}

TEST_F(ConfigTest, what_is_no_yaml_is_named_with_its_place) {
    EXPECT_THAT(problems("limits:\n  max_clients: [1,\n"),
                ElementsAre(testing::MatchesRegex("polyvirtd.yaml:[0-9]+:[0-9]+: .+")));
    EXPECT_THAT(problems("limits:\n\tmax_clients: 5\n"),
                ElementsAre(testing::MatchesRegex("polyvirtd.yaml:2:[0-9]+: .+")));
}

TEST_F(ConfigTest, a_setting_given_twice_in_a_file_is_a_problem) {
    EXPECT_THAT(problems("limits:\n  max_clients: 5\n  max_clients: 6\n"),
                ElementsAre("polyvirtd.yaml:3:3: limits.max_clients: given twice, first at line 2 column 3"));
    EXPECT_THAT(problems("limits: {max_clients: 5}\nlimits: {max_queued: 6}\n"),
                ElementsAre("polyvirtd.yaml:2:1: limits: given twice, first at line 1 column 1"));
    EXPECT_THAT(problems("limits: {max_clients: 5}\nlimits.max_clients: 6\n"),
                ElementsAre(HasSubstr("given twice")));
    EXPECT_THAT(problems("plugins: {qemu: {user: a, user: b}}\n"),
                ElementsAre(HasSubstr("plugins.qemu.user: given twice")));
}

TEST_F(ConfigTest, everything_that_is_wrong_is_reported) {
    EXPECT_THAT(problems("limits:\n  max_clients: many\n  wrong: 1\nlog: {level: loud}\n"),
                ElementsAre(HasSubstr(":2:16: limits.max_clients"), HasSubstr(":3:3: limits.wrong"),
                            HasSubstr(":4:14: log.level")));
    const Result<Config> both = Config::load_or_error({.file = path("polyvirtd.yaml"), .must_exist = true});
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().code, ErrorCode::conf_syntax);
    EXPECT_THAT(both.error().message, testing::AllOf(HasSubstr("limits.wrong"), HasSubstr("log.level")));
}

TEST_F(ConfigTest, what_is_right_of_a_wrong_file_is_not_lost) {
    EXPECT_EQ(load("limits:\n  max_clients: 7\n  max_queued: many\n").config.integer("limits.max_clients"),
              7);
}

TEST_F(ConfigTest, plugins_are_free_to_have_any_setting) {
    const Config::Loaded loaded = load("plugins:\n"
                                       "  qemu:\n"
                                       "    user: root\n"
                                       "    monitor: {timeout: 5}\n"
                                       "    cgroups: [cpu, memory]\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.plugin_value("plugins.qemu.user"), "root");
    EXPECT_EQ(loaded.config.plugin_value("plugins.qemu.monitor.timeout"), "5");
    EXPECT_EQ(loaded.config.plugin_value("plugins.qemu.cgroups.1"), "memory");
    EXPECT_EQ(loaded.config.plugin_value("plugins.qemu.none"), std::nullopt);
}

TEST_F(ConfigTest, aliases_cannot_multiply_without_bound) {
    std::string text = "plugins:\n  x:\n    a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
    for (char c = 'b'; c < 'i'; ++c) {
        text += std::string("    ") + c + ": &" + c + " [";
        for (int i = 0; i < 10; ++i) text += std::string(i == 0 ? "*" : ", *") + static_cast<char>(c - 1);
        text += "]\n";
    }
    const std::vector<std::string> all = problems(text);
    EXPECT_THAT(all, testing::Contains(HasSubstr("more than 20000 values")));
}

TEST_F(ConfigTest, drop_in_files_follow_in_the_order_of_their_names) {
    write("polyvirtd.yaml", "limits: {max_clients: 1000, max_queued: 1}\n");
    write("polyvirtd.d/20-b.yaml", "limits: {max_clients: 2000}\n");
    write("polyvirtd.d/10-a.yaml", "limits: {max_clients: 3000, max_queued: 3}\n");
    write("polyvirtd.d/30-c.yaml.bak", "nonsense\n");
    const Config::Loaded loaded = Config::load({.file = path("polyvirtd.yaml"), .must_exist = true});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.integer("limits.max_clients"), 2000);
    EXPECT_EQ(loaded.config.integer("limits.max_queued"), 3);
    EXPECT_EQ(loaded.config.origin("limits.max_clients").file, path("polyvirtd.d/20-b.yaml"));
    EXPECT_THAT(loaded.files, ElementsAre(path("polyvirtd.yaml"), path("polyvirtd.d/10-a.yaml"),
                                          path("polyvirtd.d/20-b.yaml")));
}

TEST_F(ConfigTest, problems_of_drop_in_files_name_them) {
    write("polyvirtd.d/a.yaml", "x: 1\n");
    EXPECT_THAT(Config::load({.file = path("polyvirtd.yaml")}).problems,
                ElementsAre(path("polyvirtd.d/a.yaml") + ":1:1: x: there is no such setting"));
}

TEST_F(ConfigTest, a_bound_that_was_not_given_follows_the_one_that_was) {
    const Config few = load("workers: {max: 1}\n").config;
    EXPECT_EQ(few.integer("workers.min"), 1);
    EXPECT_EQ(few.origin("workers.min").note, "follows workers.max");
    const Config many = load("workers: {max: 100}\n").config;
    EXPECT_EQ(many.integer("workers.hard_cap"), 100);
    EXPECT_THAT(
        problems("workers:\n  min: 9\n  max: 8\n"),
        ElementsAre(
            "polyvirtd.yaml:3:8: workers.min is 9, workers.max is 8: found the first above the second"));
}

TEST_F(ConfigTest, what_is_printed_is_read_as_the_same) {
    const Config first = load("limits: {max_clients: 77, auth_deadline: 90s}\n"
                              "listen: {unix: {mode: 0775}}\n"
                              "plugins: {qemu: {user: 'a \"b\": #c\n\n  d', list: [x, '']}}\n")
                             .config;
    const std::string text = first.print();
    EXPECT_THAT(text, HasSubstr("  max_clients: 77 # " + path("polyvirtd.yaml") + ":1\n"));
    EXPECT_THAT(text, HasSubstr("  auth_deadline: 90s # "));
    EXPECT_THAT(text, HasSubstr("# Connections at a time\n"));
    EXPECT_THAT(text, HasSubstr("drain_time: 10s # default\n"));
    const Config::Loaded second = load(text);
    EXPECT_THAT(second.problems, IsEmpty());
    EXPECT_THAT(second.config.changed(first), IsEmpty());
}

TEST_F(ConfigTest, differences_are_found) {
    const Config one = load("limits: {max_clients: 770}\nplugins: {a: {x: 1, y: 2}}\n").config;
    const Config two = load("limits: {max_clients: 780}\nplugins: {a: {x: 1, z: 2}}\n").config;
    EXPECT_THAT(two.changed(one),
                testing::UnorderedElementsAre("limits.max_clients", "plugins.a.y", "plugins.a.z"));
}

TEST_F(ConfigTest, asking_for_what_is_not_in_the_table_is_our_mistake) {
    const Config config;
    EXPECT_DEATH((void)config.integer("limits.nonsense"), "entries_.end");
    EXPECT_DEATH((void)config.integer("log.level"), "kind");
}

} // namespace
} // namespace polyvirt::daemon
