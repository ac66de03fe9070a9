// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Line: one line of the log, from the thread that logs to the one that writes; and the queue between them.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/log.h"
#include "host/logging/call_scope.h"

namespace polyvirt::logging {

struct Line {
    enum class Kind : std::uint8_t { text, reopen, stop };
    // Takes the time, the thread and its call. Ends of lines within the text become spaces, and what is too long
    // is cut.
    Line(log::Level line_level, std::string_view line_category, std::string_view line_text);
    explicit Line(Kind order) : kind(order) {}

    [[nodiscard]] std::size_t size() const { return sizeof *this + category.size() + text.size(); }

    Line* next = nullptr; // the queue's
    Kind kind = Kind::text;
    log::Level level = log::Level::info;
    pid_t thread = 0;
    timespec time{};
    CallTag call;
    std::string category, text;
};

// "2026-01-31 12:00:00.123 4711 info qemu: [c12/45 domain_create] text\n", in local time.
std::string format(const Line& line);
std::string_view level_name(log::Level level);

// Any number of threads push, one takes. Without locks, as whoever logs may hold a lock of any rung; bounded by
// bytes.
class LineQueue {
  public:
    explicit LineQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}
    ~LineQueue();
    LineQueue(const LineQueue&) = delete;
    LineQueue& operator=(const LineQueue&) = delete;

    // False: full; the line was not taken and is counted as lost. Orders (reopen, stop) always find room.
    bool push(std::unique_ptr<Line> line);
    // All that is there, the oldest first; waits if there is nothing.
    Line* take_all();
    // A line that was taken has been written.
    void done(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
    // Since the last time; the sum.
    [[nodiscard]] std::uint64_t take_lost() { return lost_.exchange(0, std::memory_order_relaxed); }

  private:
    const std::size_t max_bytes_;
    std::atomic<Line*> newest_{nullptr};
    std::atomic<std::size_t> bytes_{0};
    std::atomic<std::uint64_t> lost_{0};
};

} // namespace polyvirt::logging
