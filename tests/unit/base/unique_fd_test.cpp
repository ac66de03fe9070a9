// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/unique_fd.h"

#include <fcntl.h>

#include <gtest/gtest.h>

namespace polyvirt {
namespace {

bool open_now(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
UniqueFd make() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(UniqueFd, closes_when_it_ends) {
    int number = -1;
    {
        const UniqueFd fd = make();
        number = fd.get();
        EXPECT_TRUE(open_now(number));
    }
    EXPECT_FALSE(open_now(number));
}

TEST(UniqueFd, an_empty_one_closes_nothing) {
    const UniqueFd fd;
    EXPECT_FALSE(fd);
    EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFd, moving_hands_it_over_and_closes_what_was_there) {
    UniqueFd a = make();
    UniqueFd b = make();
    const int kept = a.get();
    const int replaced = b.get();
    b = std::move(a);
    EXPECT_EQ(b.get(), kept);
    EXPECT_FALSE(open_now(replaced));
    UniqueFd& self = b;
    b = std::move(self);
    EXPECT_TRUE(open_now(kept));
}

TEST(UniqueFd, release_gives_it_away) {
    UniqueFd fd = make();
    const int number = fd.release();
    EXPECT_FALSE(fd);
    EXPECT_TRUE(open_now(number));
    ::close(number);
}

} // namespace
} // namespace polyvirt
