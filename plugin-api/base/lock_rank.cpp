// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/lock_rank.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

namespace polyvirt::lock_rank {
namespace {

constinit thread_local std::uint8_t t_held = 0;
Provider g_provider = nullptr;
void* g_context = nullptr;

} // namespace

void set_provider(Provider provider, void* context) {
    g_context = context;
    g_provider = provider;
}

std::uint8_t* slot() noexcept { return g_provider != nullptr ? g_provider(g_context) : &t_held; }

#if defined(PV_LOCK_CHECKS) && PV_LOCK_CHECKS
namespace {

constexpr const char* kNames[] = {"server", "client", "driver", "object", "leaf"};

[[noreturn]] void die(const char* what, const char* how, std::uint8_t held) {
    fmt::print(stderr, "polyvirt: lock order: {}{}{} while holding", what, *how != 0 ? " " : "",
               how);
    if (held == 0) fmt::print(stderr, " none");
    for (unsigned i = 0; i < 5; ++i)
        if ((held >> i & 1U) != 0) fmt::print(stderr, " {}", kNames[i]);
    fmt::print(stderr, "\n");
    (void)std::fflush(stderr);
    std::abort();
}

} // namespace

void entering(Rank rank, Rank guard) {
    std::uint8_t* held = slot();
    const auto bit = static_cast<unsigned>(rank);
    if (guard != rank) die(kNames[bit], "taken by another rung's guard", *held);
    if (*held >> bit != 0) die(kNames[bit], "wanted", *held);
    *held = static_cast<std::uint8_t>(*held | 1U << bit);
}

void left(Rank rank) {
    std::uint8_t* held = slot();
    *held = static_cast<std::uint8_t>(*held & ~(1U << static_cast<unsigned>(rank)));
}

void waiting(Rank rank) {
    const auto own = static_cast<std::uint8_t>(1U << static_cast<unsigned>(rank));
    if (const std::uint8_t held = *slot(); held != own)
        die(kNames[static_cast<unsigned>(rank)], "waits for a condition", held);
}

void assert_none_held(const char* where) {
    if (const std::uint8_t held = *slot(); held != 0) die(where, "", held);
}

void assert_host_none_held(const char* where) {
    if (const std::uint8_t held = *slot(); (held & 3U) != 0) die(where, "", held);
}
#endif

} // namespace polyvirt::lock_rank
