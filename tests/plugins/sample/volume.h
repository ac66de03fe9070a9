// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Volume: what the streams of one volume do and what they have done. Nothing is stored: a download makes its bytes, an
// upload counts and sums them. Settings and figures from any thread, streams on the driver's loop.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <polyvirt/loop.h>
#include <polyvirt/services.h>

#include "base/sync.h"

namespace polyvirt::sample {

struct StreamPlan {
    // Downloads: so many bytes, of which these ranges (offset, length) are holes.
    std::uint64_t bytes = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> holes;
    // Uploads: nothing is taken until resume(); an error when so many bytes have come; an error for finish.
    bool block = false;
    std::int64_t fail_after = -1; // downloads too
    bool fail_at_finish = false;
};

struct StreamFigures {
    std::uint64_t data = 0, holes = 0, hole_bytes = 0; // sent or taken
    std::uint64_t sum = 0;                             // over data and its places, see place_sum()
    std::uint64_t opened = 0, finished = 0, aborted = 0, broken = 0;
};

// The byte that a download has at a place.
inline std::uint8_t byte_at(std::uint64_t offset) { return static_cast<std::uint8_t>(offset * 7 + offset / 253 + 1); }

class Volume : public std::enable_shared_from_this<Volume> {
  public:
    void set_plan(StreamPlan plan);
    [[nodiscard]] StreamFigures figures() const;
    // Ends a block.
    void resume();

    // The stream of a call, in the direction that the op has.
    pv_status upload(const plugin::Services& s, const plugin::Loop& loop, pv_stream* stream);
    pv_status download(const plugin::Services& s, const plugin::Loop& loop, pv_stream* stream, bool sparse);

  private:
    friend class Upload;
    friend class Download;
    [[nodiscard]] StreamPlan plan() const;
    template <typename F> void count(F f) {
        const LeafLock lock(mu_);
        f(figures_);
    }

    mutable Mutex mu_{Rank::leaf};
    StreamPlan plan_ PV_GUARDED_BY(mu_);
    StreamFigures figures_ PV_GUARDED_BY(mu_);
    const plugin::Services* services_ PV_GUARDED_BY(mu_) = nullptr; // of the stream that may be blocked
    pv_stream* blocked_ PV_GUARDED_BY(mu_) = nullptr;
};

} // namespace polyvirt::sample
