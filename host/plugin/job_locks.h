// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The jobs that are held on objects (host.job/1 begin, begin_async, end): who excludes whom, who waits, and
// what a waiter is told when its time is up. One per instance. Waiters get their turn in order, but destroy
// goes first; a class that could go beside the holders waits behind an earlier waiter it conflicts with.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <polyvirt/abi/job.h>

#include "base/result.h"
#include "base/sync.h"

namespace polyvirt::plugin {

class JobLocks {
  public:
    using Clock = std::chrono::steady_clock;
    // Told once: true: the job is held; false: it was given up (cancel()).
    using Granted = std::function<void()>;

    // How many waiters one object may have.
    static constexpr std::size_t kMaxWaiters = 1000;

    // For who looks on.
    struct Seen {
        std::uint32_t job_class = 0;
        const char* what = "";
        Clock::time_point since;
        std::uint64_t call = 0; // Call::id(); 0: none of a client
        bool parked = false;    // a thread waits
    };
    struct ObjectJobs {
        std::uint64_t object = 0;
        std::vector<Seen> holders, waiters;
    };

    struct Waiter; // one that waits
    using Ticket = std::shared_ptr<Waiter>;

    // Whether the job class is one of the ABI's.
    [[nodiscard]] static bool is_class(std::uint32_t job_class);

    // Waits at most until `until`. Errors: operation_timeout (code 68), which names the holder, what it does and
    // since when; resource_busy when too many wait.
    [[nodiscard]] Status begin(std::uint64_t object, std::uint32_t job_class, const char* what,
                               Clock::time_point until, std::uint64_t call = 0) PV_NO_LOCKS_HELD;
    // Without waiting. True: held at once. Otherwise `ticket` waits, and `granted` runs once, with no lock held,
    // on whichever thread frees the job.
    [[nodiscard]] Result<bool> begin_async(std::uint64_t object, std::uint32_t job_class, const char* what,
                                           Granted granted, Ticket& ticket, std::uint64_t call = 0);
    // Gives up. True: it waits no more and will not be granted (`error` says for whom it waited); false: it has
    // been granted already.
    bool cancel(const Ticket& ticket, Error& error);
    // False: no such job is held.
    bool end(std::uint64_t object, std::uint32_t job_class);
    // Every object that has a holder.
    [[nodiscard]] std::vector<ObjectJobs> look() const;
    // Whether a job of class `wanted` has to wait for one of class `held`.
    [[nodiscard]] static bool conflict(std::uint32_t held, std::uint32_t wanted);

  private:
    struct Holder {
        std::uint32_t job_class;
        const char* what;
        Clock::time_point since;
        std::uint64_t call;
    };
    struct Entry {
        std::list<Holder> holders;
        std::list<Ticket> waiters;
    };

    [[nodiscard]] static bool can_hold(const Entry& entry, std::uint32_t wanted);
    [[nodiscard]] static Error timed_out(const Entry& entry, const Waiter& waiter);
    Result<Ticket> enqueue(Entry& entry, std::uint64_t object, std::uint32_t job_class, const char* what,
                           Granted granted, std::uint64_t call) PV_REQUIRES(mu_);
    std::vector<Granted> grant(std::uint64_t object) PV_REQUIRES(mu_);

    mutable Mutex mu_{Rank::leaf};
    std::unordered_map<std::uint64_t, Entry> entries_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::plugin
