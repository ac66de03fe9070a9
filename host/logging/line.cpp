// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/line.h"

#include <algorithm>
#include <array>

#include <sys/syscall.h>
#include <unistd.h>

namespace polyvirt::logging {
namespace {

constexpr std::size_t kMaxLine = 16384;

pid_t thread_id() {
    thread_local constinit pid_t id = 0;
    if (id == 0) id = static_cast<pid_t>(::syscall(SYS_gettid));
    return id;
}

} // namespace

std::string_view level_name(log::Level level) {
    static constexpr std::array<std::string_view, 5> kNames = {"", "debug", "info", "warning", "error"};
    return kNames.at(static_cast<std::size_t>(level));
}

Line::Line(log::Level line_level, std::string_view line_category, std::string_view line_text)
    : level(line_level), thread(thread_id()), call(current_call()), category(line_category.substr(0, kMaxLine)),
      text(line_text.substr(0, kMaxLine)) {
    ::clock_gettime(CLOCK_REALTIME, &time);
    // Clients' and guests' words are in it.
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
    if (line_text.size() > kMaxLine) text += " ...";
}

std::string format(const Line& line) {
    tm local{};
    ::localtime_r(&line.time.tv_sec, &local);
    std::string out = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} {} {} {}: ", local.tm_year + 1900,
                                  local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                                  line.time.tv_nsec / 1'000'000, line.thread, level_name(line.level), line.category);
    if (line.call)
        out += fmt::format("[{}{}/{} {}] ", line.call.server, line.call.client, line.call.serial, line.call.procedure);
    out += line.text;
    out += '\n';
    return out;
}

LineQueue::~LineQueue() {
    for (Line* line = newest_.load(); line != nullptr;) delete std::exchange(line, line->next);
}

bool LineQueue::push(std::unique_ptr<Line> line) {
    const std::size_t bytes = line->size();
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (line->kind == Line::Kind::text && before + bytes > max_bytes_) {
        bytes_.fetch_sub(bytes, std::memory_order_relaxed);
        lost_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    Line* mine = line.release();
    Line* older = newest_.load(std::memory_order_relaxed);
    do {
        mine->next = older;
    } while (!newest_.compare_exchange_weak(older, mine, std::memory_order_release, std::memory_order_relaxed));
    // From here on the line belongs to the other side.
    if (older == nullptr) newest_.notify_one();
    return true;
}

Line* LineQueue::take_all() {
    newest_.wait(nullptr, std::memory_order_acquire);
    Line* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    Line* oldest = nullptr;
    while (newest != nullptr) {
        Line* const older = newest->next;
        newest->next = oldest;
        oldest = std::exchange(newest, older);
    }
    return oldest;
}

} // namespace polyvirt::logging
