// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Parker: where one thread sleeps until another lets it go on. A condition variable needs a mutex and, in glibc,
// more system calls; here it is one on either side, and none for a thread that does not sleep yet. Letting go
// is remembered, so it is never lost; several before a park() count as one.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace polyvirt::work {

class Parker {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // Its owner's thread, no lock held. Returns when it was let go, at `until`, or for no reason at all.
    void park(TimePoint until);
    // Any thread; leaf.
    void unpark();

  private:
    enum : std::uint32_t { kNothing, kSleeping, kLetGo };
    std::atomic<std::uint32_t> state_{kNothing};
};

} // namespace polyvirt::work
