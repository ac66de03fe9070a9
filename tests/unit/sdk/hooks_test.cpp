// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/hooks.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk {
namespace {

TEST(Hooks, are_beside_the_drivers_folder) {
    EXPECT_EQ(hooks_folder("/etc/polyvirt/qemu", "qemu"), "/etc/polyvirt/hooks");
    EXPECT_EQ(hooks_folder("/etc/polyvirt/qemu.instances/session", "qemu"), "/etc/polyvirt/hooks");
    EXPECT_EQ(hooks_folder("/tmp/qemu/root/etc/polyvirt/qemu", "qemu"), "/tmp/qemu/root/etc/polyvirt/hooks");
}

} // namespace
} // namespace polyvirt::sdk
