// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The host's own call into a driver (start, reconfigure), which a thread waits for.

#include <memory>

#include "base/result.h"
#include "base/sync.h"
#include "host/plugin/call.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {

class HostCall final : public Call {
  public:
    HostCall() : Call(std::make_shared<const Caller>()) {}

    void finished(pv_status status) override {
        const LeafLock lock(done_mu_);
        status_ = status;
        done_ = true;
        finished_.notify_all();
    }
    // Waits until the driver has answered; its error, if it failed. Parks a worker.
    [[nodiscard]] Status wait() PV_NO_LOCKS_HELD {
        pv_status status = PV_OK;
        {
            const work::WorkerPool::Parked parked;
            LeafLock lock(done_mu_);
            while (!done_) finished_.wait(lock);
            status = status_;
        }
        if (status >= 0) return {};
        return take_error(status);
    }

  private:
    Mutex done_mu_{Rank::leaf};
    CondVar finished_;
    bool done_ PV_GUARDED_BY(done_mu_) = false;
    pv_status status_ PV_GUARDED_BY(done_mu_) = PV_OK;
};

} // namespace polyvirt::plugin
