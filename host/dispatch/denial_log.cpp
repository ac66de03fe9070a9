// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/denial_log.h"

#include <algorithm>
#include <functional>

#include "base/log.h"

namespace polyvirt::dispatch {

bool DenialLog::take(std::size_t what, Clock::time_point now, std::uint64_t& left_out) {
    const LeafLock lock(mu_);
    if (std::find(seen_.begin(), seen_.end(), what) != seen_.end()) return false;
    if (now - window_ >= std::chrono::minutes(1)) {
        window_ = now;
        lines_ = 0;
    }
    if (lines_ == kLinesAMinute) {
        ++left_out_;
        return false;
    }
    ++lines_;
    if (seen_.size() == kRemembered) seen_.erase(seen_.begin());
    seen_.push_back(what);
    left_out = left_out_;
    left_out_ = 0;
    return true;
}

void DenialLog::log(std::uint64_t client, const access::Subject& subject, std::string_view procedure,
                    std::string_view reason, Clock::time_point now) {
    std::uint64_t left_out = 0;
    const std::hash<std::string_view> hash;
    if (!take(hash(procedure) * 31 + hash(reason), now, left_out)) return;
    const std::string more = left_out > 0 ? fmt::format(" (and {} refusals before that were not logged)", left_out) : "";
    log::warning("access", "client {} ({}) was refused {}: {}{}", client, subject.to_string(), procedure, reason,
                 more);
}

} // namespace polyvirt::dispatch
