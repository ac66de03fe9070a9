// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/slot_memory.h"

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace polyvirt::loop::detail {
namespace {

constexpr std::size_t kSlot = SlotMemory::kSlot;

TEST(SlotMemory, small_pieces_are_its_own_and_are_used_again) {
    SlotMemory memory;
    std::set<void*> all;
    for (int i = 0; i < 1000; ++i) {
        void* p = memory.allocate(kSlot - 8);
        EXPECT_TRUE(memory.owns(p));
        std::memset(p, 0xff, kSlot);
        EXPECT_TRUE(all.insert(p).second);
    }
    for (void* p : all) memory.free(p);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(all.contains(memory.allocate(1)));
    EXPECT_FALSE(all.contains(memory.allocate(1)));
}

TEST(SlotMemory, large_ones_are_the_heaps) {
    SlotMemory memory;
    void* p = memory.allocate(kSlot + 1);
    EXPECT_FALSE(memory.owns(p));
    p = memory.resize(p, 1000);
    EXPECT_FALSE(memory.owns(p));
    memory.free(p);
    memory.free(nullptr);
}

TEST(SlotMemory, what_grows_out_of_its_slot_keeps_what_it_holds) {
    SlotMemory memory;
    auto* p = static_cast<char*>(memory.allocate(16));
    std::memset(p, 'x', kSlot);
    EXPECT_EQ(memory.resize(p, kSlot), p);
    auto* larger = static_cast<char*>(memory.resize(p, 10 * kSlot));
    ASSERT_FALSE(memory.owns(larger));
    EXPECT_EQ(std::string(larger, kSlot), std::string(kSlot, 'x'));
    EXPECT_EQ(memory.allocate(16), p); // its slot is free
    memory.free(larger);
    auto* fresh = memory.resize(nullptr, 1);
    EXPECT_NE(fresh, nullptr);
    memory.free(fresh);
}

TEST(SlotMemory, beyond_its_room_the_heap_helps) {
    SlotMemory memory;
    for (std::size_t i = 0; i < SlotMemory::kSlots; ++i) ASSERT_TRUE(memory.owns(memory.allocate(8)));
    void* p = memory.allocate(8);
    ASSERT_NE(p, nullptr);
    EXPECT_FALSE(memory.owns(p));
    memory.free(p);
}

TEST(SlotMemory, many_threads_get_different_pieces) {
    SlotMemory memory;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&memory, t] {
            std::vector<unsigned char*> mine;
            for (int i = 0; i < 2000; ++i) {
                mine.push_back(static_cast<unsigned char*>(memory.allocate(kSlot)));
                std::memset(mine.back(), t, kSlot);
                if (i % 3 != 0) continue;
                EXPECT_EQ(mine.front()[kSlot - 1], t);
                memory.free(mine.front());
                mine.erase(mine.begin());
            }
            for (const unsigned char* p : mine) EXPECT_EQ(p[0], t);
        });
    for (auto& thread : threads) thread.join();
}

} // namespace
} // namespace polyvirt::loop::detail
