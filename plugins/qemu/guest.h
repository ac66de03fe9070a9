// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: one domain, running or not. Found in the driver's table; changed under its own lock.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <polyvirt/abi/gen/constants.h>

#include "save/job.h"
#include "sdk/domain/moments.h"
#include "block/state.h"
#include "base/unique_fd.h"
#include "hostdev/held.h"
#include "net/direct.h"
#include "ownership/claims.h"
#include "sdk/guests/guest.h"
#include "virtiofs/record.h"

namespace polyvirt::qemu {

using sdk::domain::Domain;
class Run;

// What host.client tells us of: guests that end with the client that started them.
inline constexpr std::uint32_t kAutodestroy = 1;
// And descriptors that go with the client that brought them.
inline constexpr std::uint32_t kFdGroups = 2;

// A backup while it lasts.
struct BackupUnderWay {
    sdk::domain::Backup document;   // complete; the numbers of its images are indexes
    std::vector<std::string> files; // that were made for it
};

struct Guest : sdk::Guest, std::enable_shared_from_this<Guest> {
    using sdk::Guest::Guest;

    std::shared_ptr<Run> run PV_GUARDED_BY(mu);            // set exactly while `live` is
    std::int32_t pausing PV_GUARDED_BY(mu) = 0;            // see StatusRecord
    std::int32_t agent_timeout PV_GUARDED_BY(mu) = PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK; // s, of this run
    std::uint32_t taints PV_GUARDED_BY(mu) = 0;            // of this run (taint.h)
    bool held PV_GUARDED_BY(mu) = false;                   // it stays, transient or not, when its emulator ends
    bool managed_save PV_GUARDED_BY(mu) = false;           // save/store.h has its memory
    // Without the descriptions in them, which are on disk (moments/store.h).
    sdk::domain::Moments<sdk::domain::Snapshot> snapshots PV_GUARDED_BY(mu){PV_KIND_SNAPSHOT};
    sdk::domain::Moments<sdk::domain::Checkpoint> checkpoints PV_GUARDED_BY(mu){PV_KIND_CHECKPOINT};
    std::shared_ptr<const BackupUnderWay> backup PV_GUARDED_BY(mu); // in the status record, too
    // The long change that is under way, and the last one that ended (save/jobs.h). Null: none.
    std::shared_ptr<LongJob> job PV_GUARDED_BY(mu);
    std::shared_ptr<const LongJob> last_job PV_GUARDED_BY(mu);
    BlockState blocks PV_GUARDED_BY(mu);                   // of what runs
    std::vector<Claim> claims PV_GUARDED_BY(mu);           // files that are its emulator's meanwhile
    std::vector<DirectLink> links PV_GUARDED_BY(mu);       // that were made for it (net/direct.h)
    std::vector<HeldDevice> host_devices PV_GUARDED_BY(mu); // that it has meanwhile
    std::vector<FsServer> servers PV_GUARDED_BY(mu);       // of its file systems (virtiofs/servers.h)
    nlohmann::json attaching PV_GUARDED_BY(mu);            // what is being plugged in (devices/intent.h), in the status record too
    // What clients have opened for its images, by the group's name; until they go.
    struct FdGroup {
        std::uint64_t client = 0;
        std::vector<UniqueFd> fds;
    };
    std::map<std::string, FdGroup> fd_groups PV_GUARDED_BY(mu);

    [[nodiscard]] Error gone() const override;
    [[nodiscard]] Attributes attributes() const override PV_REQUIRES(mu) {
        return {.known = PV_ATTR_DOM_MANAGED_SAVE | PV_ATTR_DOM_HAS_SNAPSHOT | PV_ATTR_DOM_HAS_CHECKPOINT,
                .set = (managed_save ? PV_ATTR_DOM_MANAGED_SAVE : 0U) | (snapshots.empty() ? 0U : PV_ATTR_DOM_HAS_SNAPSHOT) |
                       (checkpoints.empty() ? 0U : PV_ATTR_DOM_HAS_CHECKPOINT)};
    }
};
using GuestPtr = std::shared_ptr<Guest>;

} // namespace polyvirt::qemu
