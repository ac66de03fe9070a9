// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/state.h"

#include <algorithm>

namespace polyvirt::qemu {

using Json = nlohmann::json;

namespace {

constexpr const char* kStates[] = {"starting", "running", "ready", "aborting", "pivoting", "concluded"};

template <typename T> T value_or(const Json& j, const char* key, T fallback) {
    const auto it = j.find(key);
    if (it == j.end()) return fallback;
    if constexpr (std::is_same_v<T, bool>) return it->is_boolean() ? it->template get<bool>() : fallback;
    else if constexpr (std::is_integral_v<T>) return it->is_number_integer() ? it->template get<T>() : fallback;
    else return it->is_string() ? it->template get<std::string>() : fallback;
}

template <typename T> std::vector<T> list_of(const Json& j, const char* key) {
    std::vector<T> list;
    const auto it = j.find(key);
    if (it == j.end() || !it->is_array()) return list;
    for (const Json& entry : *it) {
        if constexpr (std::is_integral_v<T>) {
            if (entry.is_number_unsigned()) list.push_back(entry.get<T>());
        } else {
            if (entry.is_string()) list.push_back(entry.get<std::string>());
        }
    }
    return list;
}

Json job_to_json(const BlockJob& job) {
    return {{"id", job.id},           {"type", job.type},       {"disk", job.disk},
            {"state", kStates[static_cast<std::size_t>(job.state)]},
            {"top", job.top},         {"base", job.base},       {"shallow", job.shallow},
            {"removes", job.removes}, {"outcome", job.outcome}, {"error", job.error},
            {"unused", job.unused},   {"files", job.files}};
}

BlockJob job_from(const Json& j) {
    BlockJob job;
    job.id = value_or(j, "id", std::string());
    job.type = value_or(j, "type", 0);
    job.disk = value_or(j, "disk", std::string());
    const std::string state = value_or(j, "state", std::string());
    const auto* const known = std::find(std::begin(kStates), std::end(kStates), state);
    if (known != std::end(kStates)) job.state = static_cast<JobState>(known - std::begin(kStates));
    job.top = value_or(j, "top", 0U);
    job.base = value_or(j, "base", 0U);
    job.shallow = value_or(j, "shallow", false);
    job.removes = value_or(j, "removes", false);
    job.outcome = value_or(j, "outcome", -1);
    job.error = value_or(j, "error", std::string());
    job.unused = list_of<std::uint32_t>(j, "unused");
    job.files = list_of<std::string>(j, "files");
    return job;
}

} // namespace

BlockJob* BlockState::job_of(std::string_view disk) {
    const auto it = std::find_if(jobs.begin(), jobs.end(), [disk](const auto& entry) { return entry.second.disk == disk; });
    return it == jobs.end() ? nullptr : &it->second;
}

Json to_json(const BlockState& state) {
    Json jobs = Json::array();
    for (const auto& [id, job] : state.jobs) jobs.push_back(job_to_json(job));
    return {{"next_image", state.next_image}, {"jobs", std::move(jobs)}};
}

BlockState block_state_from(const Json& json) {
    BlockState state;
    if (!json.is_object()) return state;
    state.next_image = value_or(json, "next_image", 1U);
    const auto jobs = json.find("jobs");
    if (jobs == json.end() || !jobs->is_array()) return state;
    for (const Json& entry : *jobs) {
        if (!entry.is_object()) continue;
        BlockJob job = job_from(entry);
        std::string id = job.id;
        if (!id.empty()) state.jobs.emplace(std::move(id), std::move(job));
    }
    return state;
}

} // namespace polyvirt::qemu
