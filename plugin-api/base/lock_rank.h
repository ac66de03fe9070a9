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
void entering(Rank rank);
void left(Rank rank);
// Aborts if the thread holds any lock of these rungs or, with no argument, any at all.
void assert_none_held(const char* where);
void assert_host_none_held(const char* where);
#else
inline void entering(Rank) {}
inline void left(Rank) {}
inline void assert_none_held(const char*) {}
inline void assert_host_none_held(const char*) {}
#endif

} // namespace lock_rank
} // namespace polyvirt
