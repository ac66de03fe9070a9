// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest come from Driver::kAbout, the tables from the methods of the parts.

#include <polyvirt/plugin.h>

#include "driver.h"
#include "pool_ops.h"
#include "volume_ops.h"

namespace polyvirt::storage {

plugin::Claim Driver::probe(std::string_view uri, bool privileged) {
    const std::string instance = privileged ? "system" : "session";
    const std::string own = "storage:///" + instance;
    if (uri != own) return {};
    return {.score = 100, .canonical = own, .instance = instance};
}

class Plugin final : public Driver {
  public:
    explicit Plugin(const plugin::Services& services) : Driver(services) {}

  private:
    PoolOps pool_{*this};
    VolumeOps volume_{*this};

  public: // after the members that it names
    using Parts = plugin::parts<&Plugin::pool_, &Plugin::volume_>;
};

} // namespace polyvirt::storage

PV_PLUGIN(polyvirt::storage::Plugin);
