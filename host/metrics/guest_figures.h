// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// GuestFigures: processors, memory and processor time of all guests, as far as their drivers tell them. A driver is
// asked for all of its guests at once (all_stats, without waiting for those that are busy), by a worker, when somebody
// wants the figures and those that there are have grown old. Nobody waits for the answer: what is told is the
// sample that came last, with its age. A driver that hangs holds up its own figures and is not asked again meanwhile.
//
// Owned by whoever tells the figures, on whose threads look() is called; a call in flight keeps its driver's part.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "host/plugin/instance.h"

namespace polyvirt::metrics {

// What a driver did not tell is absent.
struct GuestFigure {
    std::optional<std::uint64_t> vcpus{}, vcpus_max{}, memory_kib{}, memory_max_kib{}, cpu_ns{};
};

class GuestFigures {
  public:
    using Clock = std::chrono::steady_clock;
    struct Options {
        std::chrono::milliseconds max_age{5000};    // older samples are asked for anew; 0: nobody is asked
        std::chrono::milliseconds deadline{60'000}; // a driver that takes longer is told to give up
        std::size_t max_guests = 5000;              // of one driver whose figures are kept
    };
    struct Sample {
        Clock::time_point taken;                                 // when the driver was asked
        std::unordered_map<std::uint64_t, GuestFigure> by_handle; // of the registry
    };
    using SamplePtr = std::shared_ptr<const Sample>;

    explicit GuestFigures(Options options) : options_(options) {}
    ~GuestFigures(); // tells calls in flight to give up
    GuestFigures(const GuestFigures&) = delete;
    GuestFigures& operator=(const GuestFigures&) = delete;

    // The driver's last sample, null: none yet, or it tells none. Asks for a new one if it is time.
    [[nodiscard]] SamplePtr look(const std::shared_ptr<plugin::Instance>& instance) PV_EXCLUDES(level_leaf);

    class Source; // one driver's; of guest_figures.cpp

  private:
    const Options options_;
    Mutex mu_{Rank::leaf};
    std::unordered_map<const plugin::Instance*, std::shared_ptr<Source>> sources_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::metrics
