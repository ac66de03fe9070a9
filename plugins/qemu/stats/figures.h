// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Figures: what the emulator of one run was last heard to say of it. Asked for by many at once, of an emulator that may be
// busy or stuck: callers within a short age share a sample, one round of questions is under way at a time, and who has
// waited long enough gets the sample before. No job of the guest is needed.
//
//     run->figures().want(run, Figures::kMemory, [=] { ... run->figures().last() ... });

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <polyvirt/loop.h>

#include "base/sync.h"
#include "block/sample.h"
#include "part.h"
#include "stats/perf.h"
#include "tune/threads.h"

namespace polyvirt::qemu {

struct DirtyRate {
    std::int32_t status = 0; // 0 never begun, 1 being measured, 2 measured
    std::int64_t start_time = 0;
    std::int32_t period = 0; // s
    std::string mode;        // "page-sampling"
    std::int64_t megabytes_per_second = 0;
    std::vector<std::pair<std::uint32_t, std::int64_t>> vcpus; // of mode "dirty-ring"
};

struct Sample {
    // By bit of the parts; monotonic ns, 0: never.
    std::array<std::int64_t, 3> taken_ns{};
    std::vector<std::pair<std::int32_t, std::uint64_t>> memory; // PV_DOMAIN_MEMORY_STAT_*, as clients get them
    std::optional<DirtyRate> dirty_rate;
    BlockSamplePtr blocks;  // null: none yet
};
using SamplePtr = std::shared_ptr<const Sample>;

// Replies of the emulator to qom-get of guest-stats, and to query-dirty-rate.
std::vector<std::pair<std::int32_t, std::uint64_t>> read_guest_stats(const Json& reply);
DirtyRate read_dirty_rate(const Json& reply);

class Figures {
  public:
    static constexpr std::uint32_t kMemory = 1, kDirtyRate = 2, kBlocks = 4;
    static constexpr std::int64_t kMaxAge = 100'000'000;         // shared
    static constexpr std::int64_t kPatience = 250'000'000;       // where there is a sample before
    static constexpr std::int64_t kFirstPatience = 1'000'000'000; // where there is none

    explicit Figures(const plugin::Services& s) : s_(s) {}

    // Any thread, no lock held. `done` runs once: at once where the last sample is young enough or a round is late, else on
    // the run's loop, where nothing may block. Whether last() is new then is for it to see.
    void want(const RunPtr& run, std::uint32_t parts, std::function<void()> done, std::int64_t max_age = kMaxAge);
    // Never null.
    [[nodiscard]] SamplePtr last() const;
    // How long the emulator has left a question unanswered, in ns; 0: it has none.
    [[nodiscard]] std::int64_t stuck_for() const;

    // Dirty memory is measured from now on; or perhaps, by the daemon before this one.
    void dirty_rate_begun(bool surely);
    // Which of the parts can have changed since they were asked for: what is polled, what is measured.
    [[nodiscard]] std::uint32_t changing(std::uint32_t parts, bool polled) const;

    // Null: not known, the guest has just started or was just found again.
    [[nodiscard]] ThreadsPtr threads() const;
    void set_threads(ThreadsPtr threads);

    [[nodiscard]] PerfCounters& perf() { return perf_; }

    // On the loop: no timer outlives it.
    void close() { timer_.reset(); }

  private:
    struct Waiter {
        std::uint32_t parts;
        std::function<void()> done;
    };
    [[nodiscard]] bool fresh(std::uint32_t parts, std::int64_t since) const PV_REQUIRES(mu_);
    // [loop]
    void begin(const RunPtr& run);
    void late();
    void end(const RunPtr& run, std::uint32_t parts, const Status& outcome);
    static sdk::Task<Status> ask(Figures& self, RunPtr run, std::uint32_t parts);
    void store(std::uint32_t part, const std::function<void(Sample&)>& change);

    const plugin::Services& s_;
    mutable Mutex mu_{Rank::leaf};
    SamplePtr last_ PV_GUARDED_BY(mu_) = std::make_shared<const Sample>();
    ThreadsPtr threads_ PV_GUARDED_BY(mu_);
    std::vector<Waiter> waiters_ PV_GUARDED_BY(mu_);
    bool asking_ PV_GUARDED_BY(mu_) = false, late_ PV_GUARDED_BY(mu_) = false;
    bool silent_ PV_GUARDED_BY(mu_) = false;        // the last round had no answer: nobody waits for the next
    std::uint32_t wanted_ PV_GUARDED_BY(mu_) = 0;   // of the next round
    bool measures_ PV_GUARDED_BY(mu_) = false, surely_ PV_GUARDED_BY(mu_) = false; // of the dirty rate
    std::int64_t asked_ns_ PV_GUARDED_BY(mu_) = 0;
    PerfCounters perf_;
    plugin::Watch timer_; // on the loop
};

// want(), to be waited for. Goes on on the run's loop, or where it is.
sdk::Async<Status> sampled(const RunPtr& run, std::uint32_t parts, std::int64_t max_age = Figures::kMaxAge);

} // namespace polyvirt::qemu
