// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the guest says of its memory, and what is in it.

#include <unistd.h>

#include "base/error_text.h"
#include "cgroup/files.h"
#include "driver.h"
#include "run.h"
#include "stats/figures.h"
#include "stats/proc.h"
#include "stats/stats_ops.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Domain;

bool has_balloon(const Domain& d) { return d.devices.memballoon && d.devices.memballoon->model != "none"; }

Status edit_period(Domain& d, std::uint32_t period) {
    if (!has_balloon(d))
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "No memory balloon device configured, can not set the collection period");
    d.devices.memballoon->stats_period = period == 0 ? sdk::domain::Number() : sdk::domain::Number(period);
    return {};
}

} // namespace

void StatsOps::put_memory_stats(const Running& found, pv_records* to) const {
    const auto add = [&](std::int32_t tag, std::uint64_t value) {
        pv_dom_memory_stat record{};
        record.size = sizeof record;
        record.tag = tag;
        record.value = value;
        s_.build->add_record(to, &record);
    };
    if (has_balloon(*found.live)) {
        add(PV_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, found.live->current_memory.value_or(0));
        for (const auto& [tag, value] : found.run->figures().last()->memory) add(tag, value);
    }
    if (const auto times = process_times(found.run->pid())) add(PV_DOMAIN_MEMORY_STAT_RSS, times->resident_kib);
}

pv_status StatsOps::memory_stats(pv_call* call, const pv_obj* obj, const pv_dom_memory_stats_in& in, pv_dom_memory_stats_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainMemoryStats"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const bool polled = has_balloon(*found->live) && found->live->devices.memballoon->stats_period.value_or(0) != 0;
    if (!has_balloon(*found->live) || found->run->figures().changing(Figures::kMemory, polled) == 0) {
        put_memory_stats(*found, out.stats);
        return PV_OK;
    }
    sdk::start(memory_sampled(*found, out.stats), [this, call](const Status& done) { s_.call->complete(call, answer(call, done)); });
    return PV_PENDING;
}

StatsOps::Task StatsOps::memory_sampled(Running found, pv_records* to) {
    PV_CO_TRY(co_await sampled(found.run, Figures::kMemory));
    PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    put_memory_stats(found, to);
    co_return Status{};
}

pv_status StatsOps::set_memory_stats_period(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_stats_period_in& in,
                                            pv_dom_set_memory_stats_period_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetMemoryStatsPeriod"); !flags) return answer(call, flags);
    if (in.period < 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                                  .message = "period in virDomainSetMemoryStatsPeriod must be zero or greater"});
    return change(call, obj, "set memory stats period",
                  [this, period = static_cast<std::uint32_t>(in.period), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return poll_balloon(op, guest, period, flags);
                  });
}

StatsOps::Task StatsOps::poll_balloon(sdk::OperationPtr op, GuestPtr guest, std::uint32_t period, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    std::optional<Domain> config;
    if (affected.config) {
        auto edited = driver_.edited_config(guest, [&](Domain& d) { return edit_period(d, period); });
        PV_CO_TRY(edited);
        config = *std::move(edited);
    }
    if (affected.live) {
        const auto found = running(*guest);
        PV_CO_TRY(found);
        Domain probe = *found->live;
        PV_CO_TRY(edit_period(probe, period));
        Json arguments = {{"path", "/machine/peripheral/" + probe.devices.memballoon->info.alias.name},
                          {"property", "guest-stats-polling-interval"},
                          {"value", period}};
        const auto set = co_await found->run->qmp("qom-set", std::move(arguments));
        PV_CO_TRY(set);
        {
            const ObjectLock lock(guest->mu);
            driver_.edit_live(*guest, [period](Domain& d) { (void)edit_period(d, period); });
        }
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) co_return driver_.put_config(guest, *config, op->call());
    co_return Status{};
}

pv_status StatsOps::start_dirty_rate_calc(pv_call* call, const pv_obj* obj, const pv_dom_start_dirty_rate_calc_in& in,
                                          pv_dom_start_dirty_rate_calc_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP | PV_DOMAIN_DIRTYRATE_MODE_DIRTY_RING;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainStartDirtyRateCalc"); !flags) return answer(call, flags);
    if (in.seconds < 1 || in.seconds > 60)
        return answer(call, make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                                       "seconds={} is invalid, please choose value within [1, 60].", in.seconds));
    const bool bitmap = (in.flags & PV_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP) != 0, ring = (in.flags & PV_DOMAIN_DIRTYRATE_MODE_DIRTY_RING) != 0;
    const std::string mode = ring ? "dirty-ring" : bitmap ? "dirty-bitmap" : "page-sampling";
    return change(call, obj, "start dirty rate", [this, seconds = in.seconds, mode](const sdk::OperationPtr&, const GuestPtr& guest) {
        return measure_dirty_rate(guest, seconds, mode);
    });
}

StatsOps::Task StatsOps::measure_dirty_rate(GuestPtr guest, std::int32_t seconds, std::string mode) {
    const auto found = running(*guest);
    PV_CO_TRY(found);
    const auto& kvm = found->live->features.kvm;
    const bool ring = kvm && kvm->dirty_ring && kvm->dirty_ring->size.value_or(0) != 0;
    if (mode == "dirty-ring" && !ring)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu,
                             "dirty-ring calculation mode requires dirty-ring feature enabled.");
    Json arguments = {{"calc-time", seconds}, {"mode", mode}};
    const auto begun = co_await found->run->qmp("calc-dirty-rate", std::move(arguments));
    PV_CO_TRY(begun);
    found->run->figures().dirty_rate_begun(true);
    co_return Status{};
}

pv_status StatsOps::memory_peek(pv_call* call, const pv_obj* obj, const pv_dom_memory_peek_in& in, pv_dom_memory_peek_out& out) {
    if (in.flags != PV_MEMORY_VIRTUAL && in.flags != PV_MEMORY_PHYSICAL)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL"));
    return with_job(call, obj, PV_JOB_QUERY, "memory peek", [this, in, to = out.data](const sdk::OperationPtr&, const GuestPtr& guest) {
        return peek(guest, in, to);
    });
}

// The emulator writes memory to files alone.
StatsOps::Task StatsOps::peek(GuestPtr guest, pv_dom_memory_peek_in in, pv_sink* to) {
    const auto found = running(*guest);
    PV_CO_TRY(found);
    const auto folder = guest_folder(s_, found->run->id(), guest->name);
    PV_CO_TRY(folder);
    static std::atomic<std::uint64_t> next{0};
    const std::string path = fmt::format("{}/peek-{}", *folder, next.fetch_add(1));
    Json arguments = {{"val", in.offset}, {"size", in.length}, {"filename", path}};
    const char* const command = in.flags == PV_MEMORY_VIRTUAL ? "memsave" : "pmemsave";
    const auto done = co_await found->run->qmp(command, std::move(arguments));
    PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    Result<std::string> bytes = done ? read_file(path) : Result<std::string>(done.error());
    (void)::unlink(path.c_str());
    PV_CO_TRY(bytes);
    if (bytes->size() > in.length) bytes->resize(in.length);
    if (!plugin::write(s_, to, *bytes))
        co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "{} bytes are more than a reply can carry", in.length);
    co_return Status{};
}

} // namespace polyvirt::qemu
