// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Child processes of plugins (host.proc/1): a pidfd watched on the plugin's loop. Any thread; leaf.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include <polyvirt/abi/proc.h>

#include "base/result.h"
#include "base/sync.h"
#include "host/loop/event_loop.h"
#include "host/plugin/census.h"
#include "host/plugin/loops.h"
#include "host/plugin/spawn.h"

struct pv_sink;

namespace polyvirt::plugin {

// Reaps children that nobody watches any more, on a pooled loop. Outlives every Process.
class Orphans {
  public:
    explicit Orphans(LoopPool& loops) : loops_(loops) {}
    ~Orphans();
    void take(std::shared_ptr<UniqueFd> pidfd);

  private:
    struct Orphan;
    LoopPool& loops_;
    Mutex mu_{Rank::leaf};
    std::unordered_map<int, std::shared_ptr<Orphan>> orphans_ PV_GUARDED_BY(mu_);
};

class Process : public std::enable_shared_from_this<Process> {
  public:
    Process(Child child, bool ours, Orphans& orphans);

    // Begins to watch on `strand`. False: it cannot; the context stays the caller's.
    bool watch(const std::shared_ptr<Strand>& strand, pv_exit_fn fn, std::unique_ptr<PluginContext> context);
    // The plugin's handle is given back: no callback begins after this.
    void forget();
    // PV_GONE: it has ended.
    [[nodiscard]] pv_status signal(int number) const;
    [[nodiscard]] pid_t pid() const { return child_pid_; }
    [[nodiscard]] std::uint64_t start_time() const { return start_time_; }

  private:
    struct Body;
    void on_exit(Body& body);

    const pid_t child_pid_;
    const std::uint64_t start_time_;
    const bool ours_;
    const std::shared_ptr<UniqueFd> pidfd_;
    Orphans& orphans_;
    Mutex mu_{Rank::leaf};
    loop::Watch watch_ PV_GUARDED_BY(mu_);
    bool over_ PV_GUARDED_BY(mu_) = false;
};

// Runs a program to its end; `out` and `err` (may be null) get what it wrote, `max_output` bytes of each at most.
// Kills its whole session at `until`: error operation_timeout, a second later at most: one that cannot be killed is left
// to `orphans`. Re-entrant: parks the worker.
[[nodiscard]] Result<std::int32_t> run_program(SpawnPlan plan, std::chrono::steady_clock::time_point until,
                                               std::size_t max_output, pv_sink* out, pv_sink* err,
                                               Orphans& orphans) PV_NO_LOCKS_HELD;

} // namespace polyvirt::plugin

// The plugin's handle.
struct pv_proc {
    std::shared_ptr<polyvirt::plugin::Process> process;
    pv_host* host;
};
