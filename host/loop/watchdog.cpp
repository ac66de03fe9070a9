// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/watchdog.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace polyvirt::loop {
namespace {

void log_report(const Watchdog::Report& report) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(report.held).count();
    if (report.over)
        log::warning("loop", "{}: goes on; a callback held it for at least {} ms", report.loop, ms);
    else
        log::warning("loop", "{}: a callback{}{} has held it for {} ms; nothing else runs there", report.loop,
                     report.what.owner.empty() ? "" : " of ", report.what.owner, ms);
}

} // namespace

Watchdog::Watchdog(std::chrono::nanoseconds limit, Reporter report)
    : limit_ns_(std::max<std::int64_t>(limit.count(), 1'000'000)),
      report_(report ? std::move(report) : Reporter(log_report)),
      timer_(own_.add_timer([this] { tick(); })) {
    timer_.arm(std::chrono::nanoseconds(limit_ns_ / 2), std::chrono::nanoseconds(limit_ns_ / 2));
}

Watchdog::~Watchdog() { thread_.stop_and_join(); }

void Watchdog::add(const EventLoop& loop) {
    LeafLock lock(mu_);
    entries_.push_back({.loop = &loop});
}

void Watchdog::remove(const EventLoop& loop) {
    LeafLock lock(mu_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.loop == &loop; });
}

void Watchdog::look_at(Entry& entry, std::int64_t now, std::vector<Report>& out) {
    const std::int64_t since = entry.loop->busy_since_ns();
    if (entry.reported != 0 && since != entry.reported) {
        out.push_back(
            {entry.loop->name(), std::chrono::nanoseconds(entry.seen - entry.reported), true, {}});
        entry.reported = 0;
    }
    if (since == 0 || now - since < limit_ns_) return;
    if (entry.reported == 0)
        out.push_back({entry.loop->name(), std::chrono::nanoseconds(now - since), false, entry.loop->running()});
    entry.reported = since;
    entry.seen = now;
}

void Watchdog::tick() {
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
            .count();
    std::vector<Report> reports;
    {
        LeafLock lock(mu_);
        for (Entry& entry : entries_) look_at(entry, now, reports);
    }
    for (const Report& report : reports) report_(report);
}

} // namespace polyvirt::loop
