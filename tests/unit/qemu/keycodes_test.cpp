// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "native/keycodes.h"

#include <gtest/gtest.h>

#include <linux/input-event-codes.h>

#include <polyvirt/abi/gen/constants.h>

namespace polyvirt::qemu {
namespace {

TEST(Keycodes, one_key_has_one_number_whatever_the_set) {
    struct Known {
        std::uint32_t set, code;
    };
    // Enter, in every set that has it.
    for (const Known& row : {Known{PV_KEYCODE_SET_LINUX, KEY_ENTER}, Known{PV_KEYCODE_SET_XT, 0x1c}, Known{PV_KEYCODE_SET_ATSET1, 0x1c},
                           Known{PV_KEYCODE_SET_ATSET2, 0x5a}, Known{PV_KEYCODE_SET_ATSET3, 0x5a}, Known{PV_KEYCODE_SET_OSX, 0x24},
                           Known{PV_KEYCODE_SET_XT_KBD, 0x1c}, Known{PV_KEYCODE_SET_USB, 40}, Known{PV_KEYCODE_SET_WIN32, 0x0d},
                           Known{PV_KEYCODE_SET_QNUM, 0x1c}})
        EXPECT_EQ(key_number(row.set, row.code), 0x1cU) << keycode_set_name(row.set);
}

TEST(Keycodes, the_prefix_of_set_1_is_the_highest_bit) {
    EXPECT_EQ(key_number(PV_KEYCODE_SET_LINUX, KEY_UP), 0xc8U);
    EXPECT_EQ(key_number(PV_KEYCODE_SET_LINUX, KEY_RIGHTCTRL), 0x9dU);
    EXPECT_EQ(key_number(PV_KEYCODE_SET_ATSET1, 0xe048), 0xc8U);
}

TEST(Keycodes, what_a_set_does_not_have_is_no_key) {
    EXPECT_FALSE(key_number(PV_KEYCODE_SET_LINUX, 0));
    EXPECT_FALSE(key_number(PV_KEYCODE_SET_LINUX, 0x1ffff));
    EXPECT_FALSE(key_number(PV_KEYCODE_SET_WIN32, 0xffff));
    EXPECT_FALSE(key_number(PV_KEYCODE_SET_QNUM, 0x100));
    EXPECT_FALSE(key_number(99, 1));
    EXPECT_TRUE(keycode_set_name(99).empty());
    EXPECT_EQ(key_number(PV_KEYCODE_SET_OSX, 0), 0x1eU) << "A is 0 there";
}

} // namespace
} // namespace polyvirt::qemu
