// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/bitmaps.h"

#include <utility>

#include "monitor/json.h"

namespace polyvirt::qemu {

Json step(const char* command, Json data) {
    Json made = Json::object();
    made["type"] = command;
    made["data"] = std::move(data);
    return made;
}

void add_bitmaps(Json& steps, const sdk::domain::Checkpoint& checkpoint, const Nodes& nodes) {
    for (const auto& disk : checkpoint.disks) {
        const auto node = nodes.find(disk.name);
        if (disk.checkpoint == "bitmap" && node != nodes.end())
            steps.push_back(step("block-dirty-bitmap-add", {{"node", node->second}, {"name", disk.bitmap}, {"persistent", true}, {"disabled", false}}));
    }
}

void remove_bitmaps(Json& steps, const sdk::domain::Checkpoint& checkpoint, const Nodes& nodes) {
    for (const auto& disk : checkpoint.disks) {
        const auto node = nodes.find(disk.name);
        if (disk.checkpoint == "bitmap" && node != nodes.end())
            steps.push_back(step("block-dirty-bitmap-remove", {{"node", node->second}, {"name", disk.bitmap}}));
    }
}

std::optional<std::uint64_t> bitmap_bytes(const Json& named_nodes, const std::string& node, const std::string& bitmap) {
    if (!named_nodes.is_array()) return std::nullopt;
    for (const Json& one : named_nodes) {
        if (text_of(one, "node-name") != node) continue;
        const auto list = one.find("dirty-bitmaps");
        if (list == one.end() || !list->is_array()) return std::nullopt;
        for (const Json& entry : *list) {
            if (text_of(entry, "name") != bitmap) continue;
            const auto count = entry.find("count");
            if (count != entry.end() && count->is_number_unsigned()) return count->get<std::uint64_t>();
        }
    }
    return std::nullopt;
}

} // namespace polyvirt::qemu
