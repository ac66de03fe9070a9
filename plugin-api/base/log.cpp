// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/log.h"

#include <atomic>
#include <cstdio>

namespace polyvirt::log {
namespace {

std::atomic<int> g_level{static_cast<int>(Level::info)};
Sink g_sink = nullptr;
void* g_context = nullptr;
Wanted g_wanted = nullptr;

} // namespace

void set_sink(Sink sink, void* context, Wanted wanted) {
    g_context = context;
    g_wanted = wanted;
    g_sink = sink;
}

void set_level(Level level) { g_level.store(static_cast<int>(level), std::memory_order_relaxed); }

bool enabled(Level level) {
    return static_cast<int>(level) >= g_level.load(std::memory_order_relaxed);
}

bool enabled(Level level, std::string_view category) {
    return enabled(level) && (g_wanted == nullptr || g_wanted(g_context, level, category));
}

void write(Level level, std::string_view category, std::string_view text) {
    if (g_sink != nullptr) {
        g_sink(g_context, level, category, text);
        return;
    }
    static constexpr const char* kNames[] = {"", "debug", "info", "warning", "error"};
    fmt::print(stderr, "{}: {}: {}\n", kNames[static_cast<int>(level)], category, text);
}

} // namespace polyvirt::log
