// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/commands.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;

TEST(Commands, have_names_of_their_own_and_a_summary) {
    std::set<std::string_view> names;
    for (const auto table : all_commands())
        for (const Command& command : table) {
            EXPECT_TRUE(names.insert(command.name).second) << command.name;
            EXPECT_FALSE(command.summary.empty()) << command.name;
            EXPECT_EQ(find_command(command.name), &command);
        }
    EXPECT_EQ(find_command(""), nullptr);
    EXPECT_EQ(find_command("nothing"), nullptr);
}

TEST(CommandArguments, are_read_or_named_with_what_was_found) {
    const json arguments = {{"who", "me"}, {"serial", 7U}, {"negative", -1}, {"absent", nullptr}};
    EXPECT_EQ(*argument::text(arguments, "who"), "me");
    EXPECT_EQ(*argument::number(arguments, "serial"), 7u);
    EXPECT_EQ(*argument::optional_number(arguments, "absent"), std::nullopt);
    EXPECT_EQ(*argument::optional_text(arguments, "missing"), std::nullopt);
    EXPECT_EQ(argument::text(arguments, "missing").error().message,
              "invalid argument: argument 'missing' is missing, expected a text");
    EXPECT_EQ(argument::text(arguments, "serial").error().message,
              "invalid argument: argument 'serial' is number, expected a text");
    EXPECT_EQ(argument::number(arguments, "negative").error().message,
              "invalid argument: argument 'negative' is number, expected a whole number from 0 on");
    EXPECT_FALSE(argument::only(arguments, {"who"}));
    EXPECT_TRUE(argument::only(arguments, {"who", "serial", "negative", "absent"}));
}

} // namespace
} // namespace polyvirt::dispatch
