// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/loop_lag.h"

#include <algorithm>
#include <chrono>

#include "host/dispatch/dispatcher.h"
#include "host/plugin/context.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(loop::Clock::now().time_since_epoch()).count();
}

double seconds(std::int64_t ns) { return static_cast<double>(std::max<std::int64_t>(ns, 0)) / 1e9; }

double busy(std::int64_t since_ns) { return since_ns == 0 ? 0 : seconds(now() - since_ns); }

} // namespace

void LoopLag::probe(LoopState& state, const std::function<bool(std::function<void()>)>& post) {
    std::shared_ptr<Probe> probe;
    {
        const LeafLock lock(mu_);
        auto& mine = probes_[state.name];
        if (mine == nullptr) mine = std::make_shared<Probe>();
        probe = mine;
    }
    state.probed = true;
    const std::int64_t asked = probe->asked_ns.load();
    state.lag_s = std::max(seconds(probe->took_ns.load()), asked == 0 ? 0 : seconds(now() - asked));
    std::int64_t none = 0;
    if (!probe->asked_ns.compare_exchange_strong(none, now())) return;
    const bool taken = post([probe] {
        probe->took_ns = now() - probe->asked_ns.load();
        probe->asked_ns = 0;
    });
    if (!taken) probe->asked_ns = 0; // the loop has ended
}

std::vector<LoopState> LoopLag::look(Dispatcher& dispatcher) {
    std::vector<LoopState> all;
    loop::EventLoop& rpc = dispatcher.servers().front()->loop();
    probe(all.emplace_back(LoopState{.name = rpc.name(), .busy_s = busy(rpc.busy_since_ns())}),
          [&](std::function<void()> f) { return rpc.post(std::move(f)); });
    for (const auto& instance : dispatcher.plugins().instances()) {
        const loop::EventLoop& own = instance->host()->loop->loop;
        probe(all.emplace_back(LoopState{.name = own.name(), .busy_s = busy(own.busy_since_ns())}),
              [&](std::function<void()> f) { return instance->post(std::move(f)); });
    }
    for (const plugin::LoopSeen& seen : dispatcher.plugins().object_loops())
        all.push_back({.name = seen.name, .busy_s = busy(seen.busy_since_ns)});
    return all;
}

} // namespace polyvirt::dispatch
