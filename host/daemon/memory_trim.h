// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MemoryTrim: gives memory back to the system that a burst has left free. The allocator itself returns only what is
// at the end of an arena, and not before a large piece is freed there. Looks on the control thread, every `period`;
// a look reads one small file, and a trim holds up whoever allocates just then for a few milliseconds at most.

#include <chrono>
#include <cstddef>

#include "host/loop/event_loop.h"

namespace polyvirt::daemon {

struct MemoryUse {
    std::size_t resident = 0; // without what is mapped from files
    std::size_t in_use = 0;   // of the allocator; 0: it does not say
};
[[nodiscard]] MemoryUse memory_use();
// Whether enough of it lies idle.
[[nodiscard]] bool worth_trimming(const MemoryUse& use);

// Before the first thread. The allocator gives each new thread a heap of its own, up to eight for a processor, and each
// keeps what its thread once needed: with a thread for each guest that is most of what a guest costs. Fewer are enough,
// as small pieces are cached by thread in any case.
void limit_heaps();

class MemoryTrim {
  public:
    explicit MemoryTrim(loop::EventLoop& loop, std::chrono::milliseconds period = std::chrono::seconds(30));

  private:
    static void look();

    loop::Watch timer_;
};

} // namespace polyvirt::daemon
