// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/backup.h"

#include <algorithm>

#include "base/error_text.h"
#include "monitor/json.h"

namespace polyvirt::qemu {
std::optional<std::uint64_t> node_size(const Json& named_nodes, const std::string& node) {
    if (!named_nodes.is_array()) return std::nullopt;
    for (const Json& one : named_nodes) {
        if (text_of(one, "node-name") != node) continue;
        const auto image = one.find("image");
        if (image != one.end()) return number_at(*image, "virtual-size");
    }
    return std::nullopt;
}

Json backup_steps(const BackupPlan& plan, const sdk::domain::Checkpoint* checkpoint, const Nodes& nodes) {
    Json steps = Json::array();
    // The frozen copies first: what the guest writes from this moment on belongs to the next backup.
    for (const BackupPart& part : plan.parts) {
        if (part.since.empty()) continue;
        steps.push_back(step("block-dirty-bitmap-add", {{"node", part.node}, {"name", part.changed}, {"persistent", false}, {"disabled", true}}));
        Json merge = {{"node", part.node}, {"target", part.changed}};
        merge["bitmaps"] = Json::array({part.since});
        steps.push_back(step("block-dirty-bitmap-merge", std::move(merge)));
    }
    if (checkpoint != nullptr) add_bitmaps(steps, *checkpoint, nodes);
    for (const BackupPart& part : plan.parts) {
        Json data = {{"device", part.node},   {"job-id", part.job},        {"target", format_node(part.link.number())},
                     {"sync", "full"},        {"auto-finalize", true},     {"auto-dismiss", false}};
        if (plan.pull()) {
            data["sync"] = "none";
        } else if (!part.since.empty()) {
            data["sync"] = "bitmap";
            data["bitmap"] = part.changed;
            data["bitmap-mode"] = "never";
        }
        steps.push_back(step("blockdev-backup", std::move(data)));
    }
    return steps;
}

BackupProgress backup_progress(const Json& jobs, const std::vector<BackupPart>& parts) {
    BackupProgress progress;
    progress.over = true;
    for (const BackupPart& part : parts) {
        const Json* found = nullptr;
        if (jobs.is_array())
            for (const Json& job : jobs)
                if (text_of(job, "id") == part.job) found = &job;
        if (found == nullptr) {
            if (progress.error.empty()) progress.error = "the emulator knows nothing of the job '" + part.job + "'";
            continue;
        }
        progress.done += number_at(*found, "current-progress");
        progress.total += number_at(*found, "total-progress");
        if (const std::string error = text_of(*found, "error"); !error.empty() && progress.error.empty()) progress.error = error;
        if (text_of(*found, "status") != "concluded") progress.over = false;
    }
    return progress;
}

} // namespace polyvirt::qemu
