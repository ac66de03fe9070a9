// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/care.h"

#include <memory>
#include <utility>

#include "base/sync.h"

namespace polyvirt::daemon {

bool Care::post(std::function<void()> work) {
    if (ending_) return false;
    return loop_.post([this, work = std::move(work)] {
        if (!ending_) work();
    });
}

bool Care::stop(std::chrono::steady_clock::time_point until) {
    struct Through {
        Mutex mu{Rank::leaf};
        CondVar changed;
        bool is PV_GUARDED_BY(mu) = false;
    };
    const auto through = std::make_shared<Through>();
    ending_ = true;
    loop_.post([through] {
        const LeafLock lock(through->mu);
        through->is = true;
        through->changed.notify_all();
    });
    {
        LeafLock lock(through->mu);
        while (!through->is)
            if (!through->changed.wait_until(lock, until) && !through->is) return false;
    }
    thread_.stop_and_join();
    return true;
}

} // namespace polyvirt::daemon
