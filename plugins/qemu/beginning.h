// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How runs begin and end that neither boot nor are destroyed.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <polyvirt/abi/gen/constants.h>

#include "base/unique_fd.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Run;

// How a run begins that is no boot: from a saved state, from a snapshot.
struct Beginning {
    std::int32_t running = PV_DOMAIN_RUNNING_BOOTED, paused = PV_DOMAIN_PAUSED_USER;                              // reasons
    std::int32_t started = PV_DOMAIN_EVENT_STARTED_BOOTED, suspended = PV_DOMAIN_EVENT_SUSPENDED_PAUSED; // details
    UniqueFd incoming; // a migration's stream, which the emulator has as descriptor kNumber and waits to be told to read
    static constexpr int kNumber = 500;
    // On the loop, the monitor being there, before the guest's first instruction. An error ends the start.
    std::function<sdk::Task<Status>(std::shared_ptr<Run>)> prepare;
};

// How a run ends that is told to: shut-off reason, detail of the event, and what its log says.
struct Ending {
    std::int32_t reason = PV_DOMAIN_SHUTOFF_DESTROYED, detail = PV_DOMAIN_EVENT_STOPPED_DESTROYED;
    std::string_view name = "destroyed"; // static text
};

struct StartOptions {
    bool paused = false;
    bool autodestroy = false;
    bool fresh_nvram = false;
    bool force_boot = false;                        // not from its managed save
    bool bypass_cache = false;                      // its managed save is read past the host's cache
    std::shared_ptr<Beginning> beginning = nullptr; // null: it boots
};

} // namespace polyvirt::qemu
