// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/nodes.h"

#include <atomic>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

// The emulator may be busy for long, but its end or a lost monitor wakes who waits; this only bounds one wait.
constexpr std::int64_t kOneWait = 3600 * Monitor::kSecond;

std::string job_error(const Json& jobs, const std::string& id) {
    if (!jobs.is_array()) return {};
    for (const Json& job : jobs)
        if (text_of(job, "id") == id) return text_of(job, "error");
    return {};
}

} // namespace

std::vector<std::string> aliases_of(const std::vector<const sdk::domain::Disk*>& disks) {
    std::vector<std::string> list;
    for (const auto* disk : disks) list.push_back(disk->info.alias.name);
    return list;
}

std::map<std::string, std::string> open_nodes(const Json& blocks) {
    std::map<std::string, std::string> found;
    if (!blocks.is_array()) return found;
    for (const Json& block : blocks) {
        const auto inserted = block.find("inserted");
        if (inserted == block.end() || !inserted->is_object()) continue;
        const std::string node = text_of(*inserted, "node-name");
        // "/machine/peripheral/virtio-disk0/virtio-backend", or the device's id alone.
        std::string qdev = text_of(block, "qdev");
        if (qdev.empty()) qdev = text_of(block, "device");
        for (std::size_t at = 0; at < qdev.size();) {
            const std::size_t slash = std::min(qdev.find('/', at), qdev.size());
            if (slash > at) found.emplace(qdev.substr(at, slash - at), node);
            at = slash + 1;
        }
    }
    return found;
}

sdk::Task<Result<std::vector<std::string>>> nodes_of(std::shared_ptr<Run> run, std::vector<std::string> aliases) {
    PV_CO_ASSIGN_OR_RETURN(const Json blocks, co_await run->qmp("query-block"));
    const auto open = open_nodes(blocks);
    std::vector<std::string> nodes;
    for (const std::string& alias : aliases) {
        const auto found = open.find(alias);
        if (found == open.end())
            co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the emulator has no image open for the device '{}'", alias);
        nodes.push_back(found->second);
    }
    co_return nodes;
}

sdk::Task<Result<std::map<std::string, std::string>>> disk_nodes(std::shared_ptr<Run> run) {
    PV_CO_ASSIGN_OR_RETURN(const Json blocks, co_await run->qmp("query-block"));
    const auto open = open_nodes(blocks);
    std::map<std::string, std::string> nodes;
    const ObjectLock lock(run->guest()->mu);
    if (!run->guest()->live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    for (const auto& disk : run->guest()->live->devices.disks)
        if (const auto found = open.find(disk.info.alias.name); found != open.end()) nodes.emplace(disk.target.dev, found->second);
    co_return nodes;
}

std::size_t unused_number_in(const Json& nodes) {
    std::size_t highest = 0;
    if (!nodes.is_array()) return 1;
    for (const Json& node : nodes) {
        const std::string name = text_of(node, "node-name");
        if (!name.starts_with("libvirt-")) continue;
        std::size_t number = 0;
        if (std::from_chars(name.data() + 8, name.data() + name.size(), number).ec == std::errc{}) highest = std::max(highest, number);
    }
    return highest + 1;
}

sdk::Task<Result<std::size_t>> unused_number(std::shared_ptr<Run> run) {
    Json arguments = {{"flat", true}};
    PV_CO_ASSIGN_OR_RETURN(const Json nodes, co_await run->qmp("query-named-block-nodes", std::move(arguments)));
    co_return unused_number_in(nodes);
}

sdk::Task<Status> run_emulator_job(std::shared_ptr<Run> run, std::string command, Json arguments) {
    static std::atomic<std::uint64_t> next{0};
    // Unlike any of an earlier daemon that the same emulator may still know.
    const std::string id = fmt::format("polyvirt-{}-{}", std::time(nullptr), ++next);
    arguments["job-id"] = id;
    const auto over = [id](const Json& data) { return text_of(data, "id") == id && text_of(data, "status") == "concluded"; };
    PV_CO_ASSIGN_OR_RETURN(const Run::ExpectedPtr end, co_await run->expect("JOB_STATUS_CHANGE", over));
    PV_CO_TRY(co_await run->qmp(command, std::move(arguments)));
    PV_CO_TRY(co_await run->wait(end, kOneWait));
    PV_CO_ASSIGN_OR_RETURN(const Json jobs, co_await run->qmp("query-jobs"));
    Json dismissed = {{"id", id}};
    const auto gone = co_await run->qmp("job-dismiss", std::move(dismissed));
    if (!gone) log::warning("job", "domain '{}': {}", run->guest()->name, gone.error().message);
    const std::string error = job_error(jobs, id);
    if (error.empty()) co_return Status{};
    co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the emulator's job '{}' failed: {}", command, error);
}

} // namespace polyvirt::qemu
