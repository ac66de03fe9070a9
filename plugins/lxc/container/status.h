// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// StatusRecord: what must be known of a running container to manage it again after this daemon has died. One JSON
// document per container in the status area (NAME.json), so that an administrator can read it too.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace polyvirt::lxc {

struct StatusRecord {
    std::string name;
    Uuid uuid;
    std::int32_t id = 0;
    std::int64_t pid = 0;         // of its supervisor; 0: it is being started
    std::uint64_t start_time = 0; // field 22 of /proc/PID/stat
    std::int64_t init = 0;        // the container's process 1, as the host sees it
    std::int32_t state = 0, reason = 0;
    std::string folder;             // below the run folder; holds control.sock
    std::vector<std::string> group; // its control groups, as Group::to_text()
    std::string xml;                // the live description, with the ports of its interfaces
};

std::string format_status(const StatusRecord& record);
// Errors say which field is missing or wrong.
Result<StatusRecord> parse_status(std::string_view text);

} // namespace polyvirt::lxc
