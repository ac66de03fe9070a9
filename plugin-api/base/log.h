// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Logging for host and drivers. What is written goes to one sink per module: the host sets a sink
// that ends in host/logging, the SDK one that ends in host.log. Before a sink is set, lines go to stderr.
// Any thread; never blocks on a client or driver lock; the sink must not log.
//
//     log::warning("rpc", "client {}: {} bytes of garbage, closing", id, n);

#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace polyvirt::log {

enum class Level : int { debug = 1, info = 2, warning = 3, error = 4 };

using Sink = void (*)(void* context, Level level, std::string_view category, std::string_view text);
using Wanted = bool (*)(void* context, Level level, std::string_view category);

// Lines below `level`, and those that are not `wanted` (if there is such a function), are dropped before they
// are formatted. Not synchronised with running writers: call before threads start (set_sink), any time
// (set_level).
void set_sink(Sink sink, void* context, Wanted wanted = nullptr);
void set_level(Level level);
// Whether lines of some category may be written; of this one.
[[nodiscard]] bool enabled(Level level);
[[nodiscard]] bool enabled(Level level, std::string_view category);
void write(Level level, std::string_view category, std::string_view text);

template <typename... A>
void line(Level level, std::string_view category, fmt::format_string<A...> f, A&&... a) {
    if (enabled(level, category)) write(level, category, fmt::format(f, std::forward<A>(a)...));
}
template <typename... A> void debug(std::string_view c, fmt::format_string<A...> f, A&&... a) {
    line(Level::debug, c, f, std::forward<A>(a)...);
}
template <typename... A> void info(std::string_view c, fmt::format_string<A...> f, A&&... a) {
    line(Level::info, c, f, std::forward<A>(a)...);
}
template <typename... A> void warning(std::string_view c, fmt::format_string<A...> f, A&&... a) {
    line(Level::warning, c, f, std::forward<A>(a)...);
}
template <typename... A> void error(std::string_view c, fmt::format_string<A...> f, A&&... a) {
    line(Level::error, c, f, std::forward<A>(a)...);
}

} // namespace polyvirt::log
