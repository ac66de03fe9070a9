// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/work/worker_pool.h"

#include <gtest/gtest.h>

namespace polyvirt::work {
TEST(WorkerPool, runs_a_job) {
    std::atomic<int> ran{0};
    {
        WorkerPool pool(PoolLimits{});
        for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pool.submit([&] { ++ran; }, i % 3 == 0));
    }
    EXPECT_EQ(ran, 1000);
}
}
