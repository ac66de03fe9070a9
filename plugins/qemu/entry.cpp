// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest come from Driver::kAbout, the tables from the methods of the driver
// and of its parts.

#include <polyvirt/plugin.h>

#include "agent/agent_ops.h"
#include "block/block_ops.h"
#include "console/console_ops.h"
#include "devices/device_ops.h"
#include "driver.h"
#include "life/life_ops.h"
#include "metadata/metadata_ops.h"
#include "moments/checkpoint_ops.h"
#include "moments/snapshot_ops.h"
#include "native/native_ops.h"
#include "save/job_ops.h"
#include "save/save_ops.h"
#include "stats/stats_ops.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {

plugin::Claim Driver::probe(std::string_view uri, bool privileged) {
    const std::string instance = privileged ? "system" : "session";
    const std::string own = "qemu:///" + instance;
    if (!uri.empty() && uri != own) return {};
    return {.score = uri.empty() ? 50 : 100, .canonical = own, .instance = instance};
}

// Nobody but this source sees the parts, so that a change of one is compiled where it is made.
class Plugin final : public Driver {
  public:
    explicit Plugin(const plugin::Services& services) : Driver(services) {}
    SaveOps& saving() override { return save_; }
    CheckpointOps& checkpoints() override { return checkpoints_; }

  private:
    AgentOps agent_{*this};
    BlockOps block_{*this};
    CheckpointOps checkpoints_{*this};
    ConsoleOps console_{*this};
    DeviceOps devices_{*this};
    JobOps job_{*this};
    LifeOps life_{*this};
    MetadataOps metadata_{*this};
    NativeOps native_{*this};
    SaveOps save_{*this};
    SnapshotOps snapshots_{*this};
    StatsOps stats_{*this};
    TuneOps tune_{*this};

  public: // after the members that it names
    using Parts = plugin::parts<&Plugin::agent_, &Plugin::block_, &Plugin::checkpoints_, &Plugin::console_, &Plugin::devices_, &Plugin::job_,
                                &Plugin::life_, &Plugin::metadata_, &Plugin::native_, &Plugin::save_, &Plugin::snapshots_, &Plugin::stats_,
                                &Plugin::tune_>;
};

} // namespace polyvirt::qemu

PV_PLUGIN(polyvirt::qemu::Plugin);
