// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The run-time half of the lock ladder: one byte per thread, a bit per rung that the thread holds.
// Taking a rung at or above one that is held aborts with both named. The byte lives in the host;
// a plugin, whose hidden visibility would give it a byte of its own, is handed the host's through
// host.check (set_provider). Without a provider this module's own byte is used.

#include <cstdint>

namespace polyvirt {

enum class Rank : std::uint8_t { server = 0, client = 1, driver = 2, object = 3, leaf = 4 };

namespace lock_rank {

// Returns the address of the calling thread's byte, valid as long as the thread.
using Provider = std::uint8_t* (*)(void* context) noexcept;

void set_provider(Provider provider, void* context);
// The calling thread's byte (for the host, which hands it to plugins).
std::uint8_t* slot() noexcept;

#if defined(PV_LOCK_CHECKS) && PV_LOCK_CHECKS
// Before the lock: aborts if a lock of this rung or a lower one is held, or if the guard is another
// rung's than the mutex.
void entering(Rank rank, Rank guard);
void left(Rank rank);
// Before a wait on a condition: aborts if any lock but that of `rank` is held.
void waiting(Rank rank);
// Aborts if the thread holds a lock of any rung; of the server's or client's rung. `where` ends the
// sentence "lock order: WHERE while holding ...".
void assert_none_held(const char* where);
void assert_host_none_held(const char* where);
#else
inline void entering(Rank, Rank) {}
inline void left(Rank) {}
inline void waiting(Rank) {}
inline void assert_none_held(const char*) {}
inline void assert_host_none_held(const char*) {}
#endif

} // namespace lock_rank
} // namespace polyvirt
