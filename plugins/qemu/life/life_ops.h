// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// LifeOps: what of a domain's life is more than starting and ending it.

#include <polyvirt/gen/dom_lifecycle.h>

#include "part.h"

namespace polyvirt::qemu {

class LifeOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_lifecycle::pm_suspend, ops::dom_lifecycle::pm_wakeup, ops::dom_lifecycle::fd_associate, ops::dom_lifecycle::set_lifecycle_action>;
    pv_status pm_suspend(pv_call*, const pv_obj*, const pv_dom_pm_suspend_in&, pv_dom_pm_suspend_out&);
    pv_status pm_wakeup(pv_call*, const pv_obj*, const pv_dom_pm_wakeup_in&, pv_dom_pm_wakeup_out&);
    pv_status fd_associate(pv_call*, const pv_obj*, const pv_dom_fd_associate_in&, pv_dom_fd_associate_out&);
    pv_status set_lifecycle_action(pv_call*, const pv_obj*, const pv_dom_set_lifecycle_action_in&, pv_dom_set_lifecycle_action_out&);

  private:
    Task fall_asleep(GuestPtr guest, std::int32_t target);
    Task wake_up(sdk::OperationPtr op, GuestPtr guest);
    Task set_action(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_lifecycle_action_in in);
};

} // namespace polyvirt::qemu
