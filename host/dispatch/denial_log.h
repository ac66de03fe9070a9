// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// DenialLog: what one client was refused, in the log. The same refusal once (of the last 64), and no more
// than 20 lines a minute; what was left out is counted and told with the next line. Any thread; leaf.

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "host/access/subject.h"

namespace polyvirt::dispatch {

class DenialLog {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t kRemembered = 64;
    static constexpr unsigned kLinesAMinute = 20;

    void log(std::uint64_t client, const access::Subject& subject, std::string_view procedure,
             std::string_view reason, Clock::time_point now = Clock::now());

  private:
    // Whether to write a line; `left_out` then counts those that were not written since the last.
    bool take(std::size_t what, Clock::time_point now, std::uint64_t& left_out);

    Mutex mu_{Rank::leaf};
    std::vector<std::size_t> seen_ PV_GUARDED_BY(mu_); // hashes, oldest first
    Clock::time_point window_ PV_GUARDED_BY(mu_){};
    unsigned lines_ PV_GUARDED_BY(mu_) = 0;
    std::uint64_t left_out_ PV_GUARDED_BY(mu_) = 0;
};

} // namespace polyvirt::dispatch
