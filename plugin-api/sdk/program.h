// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Programs: runs programs to their end without holding a thread meanwhile. Each has a deadline, and what it says is
// bounded: its output goes into memory files of a fixed size. At the deadline it is killed and the answer is given at
// once, whether it dies or not: a process that waits for a file system which does not answer cannot be killed, and
// nobody waits for it here. It is counted instead (Lingering), so that whoever asks can stop asking.
//
//     plugin::Command command({"/usr/bin/qemu-img", "create", path});
//     auto end = co_await programs.run(std::move(command), {.deadline_ns = 60'000'000'000});
//     PV_CO_TRY(end);
//
// What waits goes on on a worker. Any thread, but where it says otherwise; no lock may be held.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include <polyvirt/process.h>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "sdk/task.h"

namespace polyvirt::sdk {

struct ProgramEnd {
    std::int32_t wait_status = 0; // as of waitpid()
    std::string out, err;
    [[nodiscard]] bool good() const { return wait_status == 0; }
};

// Processes that were killed and are still there.
using Lingering = std::shared_ptr<std::atomic<int>>;
inline Lingering make_lingering() { return std::make_shared<std::atomic<int>>(0); }

struct ProgramLimits {
    std::int64_t deadline_ns = 30'000'000'000;
    std::size_t max_out = 65'536, max_err = 65'536; // bytes; what is too much the program cannot write
    Lingering lingering = {};                       // counts it, once it is overdue
};

class Programs {
    struct Running;

  public:
    // Ends one program early: it answers with `why`. Weak, may be copied; does nothing once it has ended.
    class Stop {
      public:
        Stop() = default;
        void operator()(Error why) const PV_NO_LOCKS_HELD;

      private:
        friend Programs;
        std::weak_ptr<Running> running_;
    };

    Programs(const plugin::Services& s, const plugin::Loop& loop) : s_(s), loop_(loop) {}
    ~Programs();
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;

    // Errors: it cannot be started; operation_timeout, killed at its deadline; operation_aborted, stop(). Descriptors that
    // `command` passes are borrowed until this is waited for. `stop`: filled before the program runs.
    [[nodiscard]] Async<Result<ProgramEnd>> run(plugin::Command command, ProgramLimits limits, Stop* stop = nullptr);
    // Kills what runs, refuses what comes. [init]
    void stop() PV_NO_LOCKS_HELD;

  private:
    void begin(plugin::Command command, const ProgramLimits& limits, const std::shared_ptr<Running>& running) PV_NO_LOCKS_HELD;
    void forget(const std::shared_ptr<Running>& running);

    const plugin::Services& s_;
    const plugin::Loop& loop_;
    Mutex mu_{Rank::leaf};
    bool stopped_ PV_GUARDED_BY(mu_) = false;
    std::unordered_set<std::shared_ptr<Running>> all_ PV_GUARDED_BY(mu_);
};

// A file in memory that holds at most `room` bytes: more cannot be written to it. Invalid: errno says why.
[[nodiscard]] UniqueFd memory_file(const char* name, std::size_t room);
// What was written to it.
[[nodiscard]] std::string memory_text(const UniqueFd& file);

} // namespace polyvirt::sdk
