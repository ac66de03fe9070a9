// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/migrate.h"

#include <utility>

#include "base/error_text.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kName = "polyvirt-stream";
constexpr std::int64_t kLong = 24 * 3600 * Monitor::kSecond;
constexpr int kMostLooks = 50; // at one that is given up
// More than any disk takes; the emulator's default would make a save wait.
constexpr std::int64_t kUnlimited = 9'223'372'036'853'727'232;

bool is_end(const Json& data) {
    const std::string status = text_of(data, "status");
    return status == "completed" || status == "failed" || status == "cancelled";
}

sdk::Task<Status> tell_events(std::shared_ptr<Run> run) {
    Json capability = {{"capability", "events"}, {"state", true}};
    Json arguments = Json::object();
    arguments["capabilities"] = Json::array({std::move(capability)});
    const auto set = co_await run->qmp("migrate-set-capabilities", std::move(arguments));
    co_return set ? Status{} : Status(set.error());
}

sdk::Task<Status> cancel(std::shared_ptr<Run> run) {
    const auto asked = co_await run->qmp("migrate_cancel");
    co_return asked ? Status{} : Status(asked.error());
}

} // namespace

JobFigures migration_figures(const Json& info) {
    JobFigures f;
    if (!info.is_object()) return f;
    f.setup_ms = number_at(info, "setup-time");
    f.downtime_ms = number_at(info, "downtime");
    const auto ram = info.find("ram");
    if (ram == info.end()) return f;
    f.memory_total = number_at(*ram, "total");
    f.memory_processed = number_at(*ram, "transferred");
    f.memory_remaining = number_at(*ram, "remaining");
    f.memory_constant = number_at(*ram, "duplicate");
    f.memory_normal = number_at(*ram, "normal");
    f.memory_normal_bytes = number_at(*ram, "normal-bytes");
    f.memory_iteration = number_at(*ram, "dirty-sync-count");
    if (const auto mbps = ram->find("mbps"); mbps != ram->end() && mbps->is_number())
        f.memory_bps = static_cast<std::uint64_t>(std::max(0.0, std::min(mbps->get<double>(), 1e9)) * 1'000'000 / 8);
    return f;
}

std::string migration_blockers(const Json& info) {
    std::string all;
    const Json& reasons = member(info, "blocked-reasons");
    for (const Json& reason : reasons.is_array() ? reasons : Json::array())
        if (reason.is_string()) all += (all.empty() ? "" : "; ") + reason.get<std::string>();
    return all;
}

sdk::Task<Status> check_migratable(std::shared_ptr<Run> run) {
    const auto info = co_await run->qmp("query-migrate");
    PV_CO_TRY(co_await sdk::on_worker(run->services(), run->guest()->strand));
    PV_CO_TRY(info);
    const std::string blockers = migration_blockers(*info);
    if (blockers.empty()) co_return Status{};
    co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "cannot migrate domain: {}", blockers);
}

sdk::Task<Status> migrate_to(std::shared_ptr<Run> run, std::shared_ptr<UniqueFd> fd, JobTicketPtr ticket, const char* what) {
    PV_CO_TRY(co_await tell_events(run));
    Json speed = {{"max-bandwidth", kUnlimited}};
    PV_CO_TRY(co_await run->qmp("migrate-set-parameters", std::move(speed)));
    Json named = {{"fdname", kName}};
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(*fd));
    PV_CO_TRY(co_await run->qmp("getfd", std::move(named), std::move(fds)));
    PV_CO_ASSIGN_OR_RETURN(const Run::ExpectedPtr over, co_await run->expect("MIGRATION", is_end));
    Json arguments = {{"uri", std::string("fd:") + kName}};
    PV_CO_TRY(co_await run->qmp("migrate", std::move(arguments)));
    for (;;) {
        const auto event = co_await run->wait(over, kLook);
        if (!event && event.error().code != ErrorCode::operation_timeout) co_return event.error();
        PV_CO_ASSIGN_OR_RETURN(const Json info, co_await run->qmp("query-migrate"));
        ticket->update(migration_figures(info));
        if (!event) continue;
        const std::string status = text_of(*event, "status");
        if (status == "completed") co_return Status{};
        if (status == "cancelled" || ticket->aborted()) co_return job_cancelled(what);
        const std::string why = text_of(info, "error-desc");
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "domain {} job: {}", what, why.empty() ? "unexpectedly failed" : why);
    }
}

void cancel_migration(const std::shared_ptr<Run>& run) {
    sdk::start(cancel(run), [](const Status&) {});
}

sdk::Task<Status> end_cut_migration(std::shared_ptr<Run> run) {
    PV_CO_ASSIGN_OR_RETURN(const Run::ExpectedPtr over, co_await run->expect("MIGRATION", is_end));
    for (int looks = 0; looks < kMostLooks; looks++) {
        PV_CO_ASSIGN_OR_RETURN(const Json info, co_await run->qmp("query-migrate"));
        if (text_of(info, "status").empty() || is_end(info)) co_return Status{};
        if (looks == 0) PV_CO_TRY(co_await cancel(run));
        const auto event = co_await run->wait(over, kLook);
        if (!event && event.error().code != ErrorCode::operation_timeout) co_return event.error();
    }
    co_return make_error(ErrorCode::operation_timeout, ErrorDomain::qemu, "what an earlier daemon began to save is not given up");
}

sdk::Task<Status> read_incoming(std::shared_ptr<Run> run) {
    PV_CO_TRY(co_await tell_events(run));
    PV_CO_ASSIGN_OR_RETURN(const Run::ExpectedPtr over, co_await run->expect("MIGRATION", is_end));
    Json arguments = {{"uri", fmt::format("fd:{}", +Beginning::kNumber)}};
    PV_CO_TRY(co_await run->qmp("migrate-incoming", std::move(arguments)));
    PV_CO_ASSIGN_OR_RETURN(const Json event, co_await run->wait(over, kLong));
    if (text_of(event, "status") == "completed") co_return Status{};
    co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the saved state could not be read by the emulator");
}

} // namespace polyvirt::qemu
