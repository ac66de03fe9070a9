// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Dirty bitmaps as steps of one transaction, and what the emulator says of them. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "monitor/monitor.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

using Nodes = std::map<std::string, std::string>; // by the disk's target

// {"type": command, "data": data}
Json step(const char* command, Json data);
// The bitmaps of a checkpoint are made, or go. Disks that have no node are left out.
void add_bitmaps(Json& steps, const sdk::domain::Checkpoint& checkpoint, const Nodes& nodes);
void remove_bitmaps(Json& steps, const sdk::domain::Checkpoint& checkpoint, const Nodes& nodes);
// Of a reply to query-named-block-nodes: how many bytes a node's bitmap marks; none: there is no such bitmap.
std::optional<std::uint64_t> bitmap_bytes(const Json& named_nodes, const std::string& node, const std::string& bitmap);

} // namespace polyvirt::qemu
