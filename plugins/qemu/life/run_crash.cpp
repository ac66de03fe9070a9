// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is done when a guest's system has crashed, or its watchdog was not fed.

#include <utility>

#include "base/log.h"
#include "driver.h"
#include "life/core_dump.h"
#include "run.h"

namespace polyvirt::qemu {

using sdk::domain::LifecycleAction;

void Run::on_panicked() {
    LifecycleAction action{};
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live || guest_->state == PV_DOMAIN_CRASHED) return;
        action = guest_->live->on_crash;
        driver_.set_state(*guest_, PV_DOMAIN_CRASHED, PV_DOMAIN_CRASHED_PANICKED);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_CRASHED, PV_DOMAIN_EVENT_CRASHED_PANICKED);
    }
    save_soon();
    switch (action) {
    case LifecycleAction::preserve: return;
    case LifecycleAction::coredump_destroy: return dump_then([](Run& run) { run.end_crashed(); });
    case LifecycleAction::coredump_restart: return dump_then([](Run& run) { run.power_cycle(PV_DOMAIN_RUNNING_CRASHED); });
    case LifecycleAction::restart: return power_cycle(PV_DOMAIN_RUNNING_CRASHED);
    default: return end_crashed();
    }
}

void Run::end_crashed() {
    if (end_ == End::none) end_ = End::crashed;
    kill(false);
}

// With the guest's job, so that nobody changes it meanwhile; ending it is always possible.
void Run::dump_then(void (*then)(Run&)) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest_->mu);
        handle = guest_->handle;
    }
    const auto body = [self = shared_from_this(), then](const sdk::OperationPtr& op) {
        sdk::start(dump_core(self), [self, then, op](const Status& dumped) {
            if (!dumped) log::error("run", "{}: {}", self->who(), dumped.error().message);
            op->finish({});
            self->post([self, then] {
                if (self->check_running()) then(*self);
            });
        });
    };
    sdk::Operation::start(s_, loop_, {.object = handle, .what = "core dump"}, body);
}

void Run::on_watchdog_dump() {
    dump_then([](Run& run) {
        run.next_running_ = PV_DOMAIN_RUNNING_UNPAUSED;
        run.monitor_->execute("cont", {}, [&run](Result<Json> reply) {
            if (!reply) log::error("run", "{}: {}", run.who(), reply.error().message);
        });
    });
}

} // namespace polyvirt::qemu
