// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Filters: which lines are logged, by their category. In the peer's syntax, "3:rpc 1:qemu": levels 1 (debug) to 4
// (error), the name a part of the category, '*' and '?' as in a shell. The first filter that matches counts.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace polyvirt::logging {

// Immutable.
class Filters {
  public:
    explicit Filters(log::Level fallback = log::Level::info) : fallback_(fallback) {}
    // `fallback`: for categories that no filter matches. The error names the filter and what was expected.
    static Result<Filters> parse(std::string_view text, log::Level fallback);

    [[nodiscard]] log::Level threshold(std::string_view category) const;
    [[nodiscard]] log::Level lowest() const; // of all thresholds that can be
    [[nodiscard]] log::Level fallback() const { return fallback_; }
    // Normalised: "3:*rpc* 1:*qemu*", as the peer shows them.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::size_t count() const { return list_.size(); }
    [[nodiscard]] Filters with_fallback(log::Level fallback) const;

  private:
    struct Filter {
        log::Level level;
        std::string pattern;
    };
    log::Level fallback_;
    std::vector<Filter> list_;
};

// The filters in use: read by every thread that logs without a lock, as locks of any rung may be held then.
class LiveFilters {
  public:
    LiveFilters();
    ~LiveFilters();
    LiveFilters(const LiveFilters&) = delete;
    LiveFilters& operator=(const LiveFilters&) = delete;

    [[nodiscard]] bool wants(log::Level level, std::string_view category) const;
    // One thread at a time. Waits for readers, which take a few hundred instructions.
    void replace(std::unique_ptr<const Filters> filters);

  private:
    std::atomic<const Filters*> now_;
    mutable std::atomic<unsigned> readers_{0};
};

// 1 to 4; nothing else.
Result<log::Level> parse_level(std::string_view text, std::string_view what);
// The words of `text`, which spaces part; an error if it has more than a few hundred.
Result<std::vector<std::string_view>> split_words(std::string_view text, std::string_view what);

} // namespace polyvirt::logging
