// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a card receives, where its guest is trusted to say so (trustGuestRxFilters): MAC, multicast groups and promiscuity
// of its macvtap follow what the guest tells its own device.

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "run.h"
#include "sdk/task.h"
#include "sdk/xml/types.h"

namespace polyvirt::qemu {

struct RxFilter {
    std::optional<sdk::xml::Mac> mac;
    bool multicast = true, all_multicast = false, promiscuous = false;
    std::set<sdk::xml::Mac> groups;
};

// The reply to query-rx-filter of one card. Error: internal_error, it is none.
Result<RxFilter> rx_filter_of(const nlohmann::json& reply);
// Of /proc/net/dev_mcast: the groups that somebody asked for by the call that we use; not the kernel's own.
std::set<sdk::xml::Mac> groups_of(std::string_view dev_mcast, std::string_view link);

// Row of Run::kEvents. Loop.
void on_rx_filter(Run& run, const QmpEvent& event);
// After the daemon's restart: the emulator tells of a change once, until it is asked. Loop.
sdk::Task<Status> follow_rx_filters(std::shared_ptr<Run> run);

} // namespace polyvirt::qemu
