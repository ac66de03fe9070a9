// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SlotMemory: where libevent's smallest allocations live. It keeps one for each descriptor number that it has
// ever seen, until its base ends; on the heap these stood between the memory of the clients whose descriptors they
// were, and kept nearly every page of it from going back to the system when the clients had left.
//
// Any thread; its lock is a leaf.

#include <cstddef>

#include "base/sync.h"

namespace polyvirt::loop::detail {

class SlotMemory {
  public:
    static constexpr std::size_t kSlot = 32;
    // Address space for so many; of memory it takes what is used. Further ones are malloc's.
    static constexpr std::size_t kSlots = std::size_t{512} << 10;

    SlotMemory();
    ~SlotMemory();
    SlotMemory(const SlotMemory&) = delete;
    SlotMemory& operator=(const SlotMemory&) = delete;

    // As malloc, realloc and free: what is larger than a slot is theirs.
    [[nodiscard]] void* allocate(std::size_t size);
    [[nodiscard]] void* resize(void* p, std::size_t size);
    void free(void* p);
    [[nodiscard]] bool owns(const void* p) const;

    // From now on libevent's memory, for good. Before its first use.
    static void give_to_libevent();

  private:
    struct Free {
        Free* next;
    };
    std::byte* const begin_; // null: there was no address space to be had
    Mutex mu_{Rank::leaf};
    std::size_t used_ PV_GUARDED_BY(mu_) = 0; // slots that were ever given
    Free* free_ PV_GUARDED_BY(mu_) = nullptr;
};

} // namespace polyvirt::loop::detail
