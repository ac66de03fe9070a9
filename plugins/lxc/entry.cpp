// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest come from Driver::kAbout, the tables from the methods of the
// driver and of its parts.

#include <polyvirt/plugin.h>

#include "driver.h"
#include "ops/config_ops.h"
#include "ops/console_ops.h"
#include "ops/device_ops.h"
#include "ops/host_ops.h"
#include "ops/lifecycle_ops.h"
#include "ops/stats_ops.h"
#include "ops/tune_ops.h"

namespace polyvirt::lxc {

plugin::Claim Driver::probe(std::string_view uri, bool privileged) {
    // Containers need root: there is no session of them.
    if (uri != "lxc:///system" && uri != "lxc:///" && uri != "lxc://") return {};
    if (!privileged) return {};
    return {.score = 100, .canonical = "lxc:///system", .instance = "system"};
}

class Plugin final : public Driver {
  public:
    explicit Plugin(const plugin::Services& services) : Driver(services) {}

  private:
    ConfigOps config_{*this};
    ConsoleOps console_{*this};
    DeviceOps devices_{*this};
    HostOps host_{*this};
    LifecycleOps lifecycle_{*this};
    StatsOps stats_{*this};
    TuneOps tune_{*this};

  public: // after the members that it names
    using Parts = plugin::parts<&Plugin::config_, &Plugin::console_, &Plugin::devices_, &Plugin::host_,
                                &Plugin::lifecycle_, &Plugin::stats_, &Plugin::tune_>;
};

} // namespace polyvirt::lxc

PV_PLUGIN(polyvirt::lxc::Plugin);
