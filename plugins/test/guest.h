// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: one domain of the imaginary host, running or not. Found in Domains; changed under its own lock.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/loop.h>

#include "fault_document.h"
#include "sdk/domain/moments.h"
#include "sdk/domain/domain.h"
#include "sdk/object_table.h"

namespace polyvirt::test {

using sdk::domain::Domain;
using DocumentPtr = std::shared_ptr<const Domain>;

// What host.client tells us of: guests that end with the client that started them.
inline constexpr std::uint32_t kAutodestroy = 1;

// The long job of a domain, running or the last that ran (operation 0: none did).
struct Job {
    std::uint64_t number = 0; // 0: none runs
    std::int32_t operation = 0, outcome = 0; // PV_DOMAIN_JOB_OPERATION_*; PV_DOMAIN_JOB_* once it is over
    std::int64_t begun_ns = 0, length_ns = 0, elapsed_ns = 0;
    std::uint64_t bytes = 0;
    std::function<void(const Status&)> done;
    plugin::Watch timer;
    std::optional<sdk::domain::Backup> backup;
};
struct BlockJob {
    std::uint64_t number = 0;
    std::int32_t type = 0;
    std::int64_t begun_ns = 0, length_ns = 0;
    std::uint64_t bandwidth = 0, end = 0;
    bool ready = false; // a copy that waits to be pivoted to
    std::string target; // of a copy
    plugin::Watch timer;
};

// What there is inside the guest, as its agent would tell. Begins anew with each run, but for what is on its disks.
struct Inside {
    std::set<std::string> frozen; // mount points
    std::int64_t seconds = 627'319'920; // its clock: 17 November 1989, 23:52, as the peer's
    std::map<std::string, std::vector<std::string>> ssh_keys; // by user
    std::map<std::string, std::uint64_t> capacity;            // of disks that were resized, by target
    std::map<std::string, std::uint64_t> thresholds;          // by target
    std::int32_t balloon_period = 0;
    bool monitor_lost = false;
    std::int32_t dirty_seconds = 0;
    std::set<std::uint32_t> offline; // virtual processors that it does not use
};

// A connection to one of the guest's displays (dom_graphics.cpp). Its watch keeps it, so it is over when that is reset.
struct GuestViewer {
    virtual ~GuestViewer() = default;
    plugin::Watch watch;
};

// Of moves to and from other hosts.
struct Migration {
    static constexpr std::uint64_t kMaxSpeed = 8'796'093'022'207; // MiB/s: in bytes, what a signed 64 bit number holds
    bool arriving = false;  // prepared here, and not finished
    bool stopped = false;   // it ran, and stands still because it has been moved
    bool post_copy = false; // its last move may be switched to post-copy
    std::uint64_t downtime_ms = 300, speed = kMaxSpeed, speed_post_copy = 0, cache_bytes = std::uint64_t{64} << 20;
};

struct Guest : sdk::Object, std::enable_shared_from_this<Guest> {
    using Object::Object;

    // What goes with a guest to another name.
    struct Kept {
        std::int32_t reason = 0;
        bool autostart = false, autostart_once = false;
        DocumentPtr saved;
        bool saved_paused = false;
        FaultSet faults;
        std::shared_ptr<const sdk::xml::Node> faults_text;
    };

    // Descriptions are replaced, never changed in place: take a copy of the pointer and drop the lock.
    DocumentPtr config PV_GUARDED_BY(mu); // null: transient
    DocumentPtr live PV_GUARDED_BY(mu);   // null: not running
    std::int32_t id PV_GUARDED_BY(mu) = -1;
    std::int32_t state PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF;
    std::int32_t reason PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF_UNKNOWN;
    bool autostart PV_GUARDED_BY(mu) = false;
    bool autostart_once PV_GUARDED_BY(mu) = false;
    bool updated PV_GUARDED_BY(mu) = false;           // `config` was replaced while running
    std::uint64_t autodestroy PV_GUARDED_BY(mu) = 0;  // the client whose end destroys it
    DocumentPtr saved PV_GUARDED_BY(mu);              // managed save; null: none
    bool saved_paused PV_GUARDED_BY(mu) = false;
    // What is declared to go wrong, and how it stood in the document.
    FaultSet faults PV_GUARDED_BY(mu);
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);

    sdk::domain::Moments<sdk::domain::Snapshot> snapshots PV_GUARDED_BY(mu){PV_KIND_SNAPSHOT};
    sdk::domain::Moments<sdk::domain::Checkpoint> checkpoints PV_GUARDED_BY(mu){PV_KIND_CHECKPOINT};
    Job job PV_GUARDED_BY(mu);
    std::map<std::string, BlockJob> block_jobs PV_GUARDED_BY(mu); // by the disk's target
    Inside inside PV_GUARDED_BY(mu);
    Migration migration PV_GUARDED_BY(mu);
    std::map<std::uint64_t, std::shared_ptr<GuestViewer>> viewers PV_GUARDED_BY(mu);
    std::vector<plugin::Watch> timers PV_GUARDED_BY(mu); // of faults that come by themselves

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    [[nodiscard]] const DocumentPtr& current() const PV_REQUIRES(mu) { return live ? live : config; }
};
using GuestPtr = std::shared_ptr<Guest>;

} // namespace polyvirt::test
