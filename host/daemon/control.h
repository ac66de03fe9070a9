// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Control: the thread "control", on which the daemon changes while it serves, so that neither the leader nor a loop
// that serves clients waits for files. Takes SIGHUP (reload), tells systemd's watchdog that the daemon lives for as
// long as rpc-loop answers, and gives memory back that a burst left free. Owned by the daemon; ends before what its reload changes.

#include <functional>

#include "base/unique_fd.h"
#include "host/daemon/memory_trim.h"
#include "host/loop/event_loop.h"

namespace polyvirt::daemon {

class Control {
  public:
    // SIGHUP is blocked in every thread. `reload` runs on the thread.
    Control(loop::EventLoop& rpc_loop, std::function<void()> reload);
    ~Control() = default; // stops, if nobody has
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    // Leader: no reload runs or begins after this.
    void stop() { thread_.stop_and_join(); }

    // Any thread; in order. False after the end.
    bool post(std::function<void()> f) { return loop_.post(std::move(f)); }
    [[nodiscard]] const loop::EventLoop& loop() const { return loop_; }

    // Before threads start: no SIGHUP ends the daemon from here on.
    static void block_signals();

  private:
    void take_signals();
    void watch_for_systemd();

    loop::EventLoop& rpc_loop_;
    const std::function<void()> reload_;
    UniqueFd signals_;
    loop::EventLoop loop_{"control"};
    loop::Watch signal_watch_, ping_;
    MemoryTrim trim_{loop_};
    loop::LoopThread thread_{loop_};
};

// What systemd is told; without effect where it did not start the daemon. Any thread.
void notify_ready();
void notify_reloading();
void notify_stopping();

} // namespace polyvirt::daemon
