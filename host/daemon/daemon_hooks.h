// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// DaemonHooks: what administrators ask of the daemon as a whole (host/dispatch/admin_hooks.h). One per
// daemon; outlives the last call.

#include "host/daemon/care.h"
#include "host/daemon/idle_stop.h"
#include "host/dispatch/admin_hooks.h"

namespace polyvirt::daemon {

class DaemonHooks final : public dispatch::AdminHooks {
  public:
    DaemonHooks(loop::EventLoop& loop, std::function<bool()> in_use, Care& care);
    Result<LogSetting> log_filters() override;
    Result<LogSetting> log_outputs() override;
    Status set_log_filters(const std::string& filters) override;
    Status set_log_outputs(const std::string& outputs) override;
    Status set_idle_timeout(unsigned seconds) override;
    bool run_slowly(std::function<void()> work) override;

  private:
    IdleStop idle_;
    Care& care_;
};

} // namespace polyvirt::daemon
