// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// StatusRecord: what must be known of a running guest to manage it again after this daemon has died. One
// JSON document per guest in the status area (NAME.json), so that an administrator can read it too.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/uuid.h"
#include "hostdev/held.h"
#include "net/direct.h"
#include "ownership/claims.h"
#include "virtiofs/record.h"

namespace polyvirt::qemu {

struct StatusRecord {
    std::string name;
    Uuid uuid;
    std::int32_t id = 0;
    std::int64_t pid = 0;         // 0: it is being started
    std::uint64_t start_time = 0; // field 22 of /proc/PID/stat
    std::int32_t state = 0, reason = 0;
    std::int32_t pausing = 0; // the reason for which it is about to be paused; 0: it is not
    std::string folder;           // below the run folder; holds monitor.sock
    std::int32_t agent_timeout = -2; // seconds
    std::vector<std::string> taints; // taint_names()
    nlohmann::json blocks;        // block/state.h
    nlohmann::json attaching;     // devices/intent.h; null: nothing
    std::string user;             // as whom it runs, "+UID:+GID"; empty: as the daemon
    std::vector<Claim> claims;    // files whose owner was changed for it
    std::vector<DirectLink> links; // that were made for it, or are about to be
    std::vector<HeldDevice> host_devices; // that were taken for it
    std::vector<FsServer> servers; // processes of its file systems
    std::vector<std::string> group; // its control groups, as Group::to_text()
    std::string backup;           // document of the one that is under way; empty: none
    std::vector<std::string> backup_files; // that were made for it
    std::vector<std::string> folders; // made for it elsewhere, to be removed with all that is in them
    std::string xml;              // the live description
};

std::string format_status(const StatusRecord& record);
// Errors say which field is missing or wrong.
Result<StatusRecord> parse_status(std::string_view text);

} // namespace polyvirt::qemu
