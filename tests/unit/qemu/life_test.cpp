// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "life/actions.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Domain;
using sdk::domain::LifecycleAction;

Domain usual() {
    Domain d;
    d.on_poweroff = LifecycleAction::destroy;
    d.on_reboot = LifecycleAction::restart;
    d.on_crash = LifecycleAction::destroy;
    return d;
}

TEST(Actions, of_a_crash_may_dump_those_of_others_may_not) {
    Domain d = usual();
    d.on_crash = LifecycleAction::coredump_restart;
    EXPECT_TRUE(check_actions(d));
    d.on_reboot = LifecycleAction::coredump_destroy;
    const Status checked = check_actions(d);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::config_unsupported);
    EXPECT_THAT(checked.error().message, testing::HasSubstr("Lifecycle event 'reboot' doesn't support 'coredump-destroy' action"));
}

TEST(Actions, that_cannot_be_kept_are_refused) {
    for (const auto action : {LifecycleAction::preserve, LifecycleAction::rename_restart}) {
        Domain d = usual();
        d.on_poweroff = action;
        EXPECT_FALSE(check_actions(d));
    }
    Domain d = usual();
    d.on_crash = LifecycleAction::preserve;
    EXPECT_TRUE(check_actions(d));
    d.on_reboot = LifecycleAction::destroy;
    EXPECT_TRUE(check_actions(d));
    d.on_poweroff = LifecycleAction::restart;
    EXPECT_FALSE(check_actions(d));
}

} // namespace
} // namespace polyvirt::qemu
