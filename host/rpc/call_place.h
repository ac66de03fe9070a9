// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What can be seen of a client's calls in flight from outside, at no cost worth mentioning: a call that
// runs has a CallPlace, which its client reuses, written under the lock that is taken anyway.

#include <atomic>
#include <cstdint>
#include <memory>

#include "host/protocol/message.h"

namespace polyvirt::rpc {

// What a handler lets be seen of a call that it runs.
class RunningCall {
  public:
    // Null when the call is about to be destroyed. Any thread, under the client's lock: nothing but
    // taking a reference.
    [[nodiscard]] virtual std::shared_ptr<RunningCall> pin() noexcept = 0;

  protected:
    ~RunningCall() = default;
};

// Guarded by the client's lock, but `shown`, which the call itself sets.
struct CallPlace {
    protocol::Header header;
    std::int64_t arrived_ns = 0; // steady clock
    bool priority = false;
    bool used = false;
    bool parked = false;   // waits in a driver without a worker
    std::uint64_t use = 0; // rises from use to use
    std::atomic<RunningCall*> shown{nullptr}; // null: no worker has begun with it
    CallPlace* next_free = nullptr;
};

// A call in flight at one moment.
struct CallInFlight {
    protocol::Header header;
    std::int64_t arrived_ns = 0;
    bool priority = false;
    bool waiting = false;              // its client has its share of calls running already
    std::shared_ptr<RunningCall> call; // null: waits for a worker, or answered at this moment
};

} // namespace polyvirt::rpc
