// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// CallQueue: which of a client's calls run and which wait. Not synchronised: guarded by the
// client's lock. Ordinary and priority calls have a share each; a waiting call starts in order of
// arrival within its kind.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "host/rpc/call_place.h"
#include "host/rpc/message.h"

namespace polyvirt::rpc {

class CallQueue {
  public:
    enum class Verdict { run, wait, refuse };
    // `may_run`: false while the client leaves too much output unread.
    [[nodiscard]] Verdict admit(bool priority, std::size_t bytes, const Limits& limits,
                                bool may_run);
    void push(bool priority, std::shared_ptr<Message> message);
    // The next waiting call that may run, counted as running; null when there is none.
    [[nodiscard]] std::shared_ptr<Message> next(const Limits& limits, bool& priority);
    // For a call that is counted as running: its place until ended(). The storage is kept for the next
    // one, so only a client's first calls cost memory.
    [[nodiscard]] CallPlace* occupy(bool priority, const Message& message);
    void ended(CallPlace& place);
    // The call waits in a driver and no worker with it, so that another may run. False: too many do already.
    [[nodiscard]] bool park(CallPlace& place, const Limits& limits);
    // All that run and wait, the oldest first within each.
    void look(std::vector<CallInFlight>& to) const;
    void drop_waiting(std::deque<std::shared_ptr<Message>>& dropped);

    // Parked ones included.
    [[nodiscard]] unsigned running() const { return running_[0] + running_[1] + parked_; }
    [[nodiscard]] std::size_t waiting() const { return waiting_[0].size() + waiting_[1].size(); }
    [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
    [[nodiscard]] std::uint64_t admitted() const { return admitted_; }

  private:
    unsigned running_[2] = {0, 0}; // ordinary, priority
    unsigned parked_ = 0;
    std::deque<std::shared_ptr<Message>> waiting_[2];
    std::size_t waiting_bytes_ = 0;
    std::uint64_t admitted_ = 0;
    std::vector<std::unique_ptr<CallPlace>> places_;
    CallPlace* free_ = nullptr;
};

} // namespace polyvirt::rpc
