// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv_plugin.reconfigure: the driver hears that the configuration has changed. It is a call of the host's own, in the
// driver's turn like an op without a target, so that a serial driver is never entered beside another.
#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/driver_instance.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

// `in` is the plugin's table: the slot of an op has no better place for it.
pv_status enter_reconfigure(pv_inst* inst, pv_call* call, const pv_obj*, const void* in, void*) noexcept {
    return static_cast<const pv_plugin*>(in)->reconfigure(inst, call);
}

} // namespace

class DriverInstance::Reconfigure final : public Call {
  public:
    explicit Reconfigure(std::shared_ptr<DriverInstance> of)
        : Call(std::make_shared<const Caller>()), of_(std::move(of)) {}
    void finished(pv_status status) override {
        of_->reconfigured(status < 0 ? Status(take_error(status)) : Status());
    }

  private:
    const std::shared_ptr<DriverInstance> of_;
};

void DriverInstance::configuration_changed() {
    if (state() != InstanceState::started) return;
    if (plugin_.reconfigure == nullptr)
        return log::info("plugin", "driver '{}', instance '{}': reads its configuration when it starts next", plugin_id(),
                         key());
    if (changes_.fetch_add(1) == 0) submit_reconfigure();
}

void DriverInstance::submit_reconfigure() {
    const bool taken = host_.shared.pool.submit(
        [self = std::static_pointer_cast<DriverInstance>(shared_from_this())] {
            const auto call = std::make_shared<Reconfigure>(self);
            call->instance = self;
            if (!self->in_flight_.enter()) { // it ends, and reads no more
                self->changes_ = 0;
                return;
            }
            self->enter_in_turn(0, {call, &enter_reconfigure, nullptr, &self->plugin_, nullptr, false, PV_THREAD_INIT});
        },
        false);
    if (taken) return;
    changes_ = 0;
    log::error("plugin", "driver '{}', instance '{}': was not told that the configuration has changed, as too much waits for "
                         "a worker; it goes on with the old one",
               plugin_id(), key());
}

// On whichever thread ended it; leaf.
void DriverInstance::reconfigured(const Status& done) {
    if (done)
        log::info("plugin", "driver '{}', instance '{}': has read its configuration again", plugin_id(), key());
    else
        log::error("plugin", "driver '{}', instance '{}': does not take the changed configuration and goes on with the old "
                             "one: {}",
                   plugin_id(), key(), done.error().message);
    if (changes_.exchange(1) > 1) return submit_reconfigure(); // it changed meanwhile
    unsigned told = 1;
    if (!changes_.compare_exchange_strong(told, 0)) submit_reconfigure();
}

} // namespace polyvirt::plugin
