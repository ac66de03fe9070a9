// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/output_queue.h"

#include <memory>

#include <gtest/gtest.h>
#include <malloc.h>

namespace polyvirt::rpc {
namespace {

using Kind = OutputQueue::Kind;

OutputQueue::Chunk event(std::size_t bytes) {
    OutputQueue::Chunk chunk;
    chunk.kind = Kind::event;
    chunk.shared = std::make_shared<const Buffer>(bytes);
    return chunk;
}

OutputQueue::Chunk reply(std::size_t bytes) {
    OutputQueue::Chunk chunk;
    chunk.own = Buffer(bytes);
    return chunk;
}

TEST(OutputQueue, counts_by_kind_until_it_is_sent) {
    OutputQueue queue;
    queue.push(event(100));
    queue.push(event(40));
    queue.push(reply(28));
    EXPECT_EQ(queue.bytes(Kind::event), 140U);
    EXPECT_EQ(queue.memory(Kind::event), 140 + 2 * OutputQueue::kPerChunk);
    EXPECT_EQ(queue.memory(Kind::reply), 28 + OutputQueue::kPerChunk);
    std::vector<OutputQueue::Chunk> done;
    queue.sent(60, done);
    EXPECT_EQ(queue.memory(Kind::event), 80 + 2 * OutputQueue::kPerChunk); // the first one is there as a whole
    queue.sent(40, done);
    EXPECT_EQ(queue.memory(Kind::event), 40 + OutputQueue::kPerChunk);
    EXPECT_EQ(done.size(), 1U);
    queue.clear(done);
    EXPECT_EQ(queue.memory(Kind::event) + queue.memory(Kind::reply), 0U);
    EXPECT_TRUE(queue.empty());
}

TEST(OutputQueue, memory_is_what_the_allocator_says) {
    constexpr std::size_t kChunks = 20'000;
    for (const std::size_t bytes : {28U, 76U, 1000U}) {
        OutputQueue queue;
        const std::size_t before = ::mallinfo2().uordblks;
        for (std::size_t i = 0; i < kChunks; ++i) queue.push(event(bytes));
        const std::size_t used = ::mallinfo2().uordblks - before;
        if (used == 0) GTEST_SKIP() << "a sanitizer's allocator does not say";
        const auto counted = static_cast<double>(queue.memory(Kind::event));
        EXPECT_NEAR(counted / static_cast<double>(used), 1.0, 0.2) << bytes;
    }
}

} // namespace
} // namespace polyvirt::rpc
