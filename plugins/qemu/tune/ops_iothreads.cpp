// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The emulator's threads for input and output.

#include <algorithm>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/cpu_maps.h"
#include "sdk/domain/pins.h"
#include "stats/figures.h"
#include "tune/prepare.h"
#include "tune/scheduling.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::xml::CpuSet;

Status check_unused(const Domain& d, std::uint32_t id) {
    if (find_iothread(d, id) == nullptr)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "cannot find IOThread '{}' in iothreadids list", id);
    for (const Disk& disk : d.devices.disks)
        if (disk.driver.iothread == id) return wrong_argument(fmt::format("cannot remove IOThread {} since it is being used by disk '{}'", id, disk.target.dev));
    for (const sdk::domain::Controller& c : d.devices.controllers)
        if (c.driver.iothread == id) return wrong_argument(fmt::format("cannot remove IOThread '{}' since it is being used by controller", id));
    return {};
}

void merge(const IoThread& wanted, IoThread& thread) {
    if (wanted.thread_pool_min) thread.thread_pool_min = wanted.thread_pool_min;
    if (wanted.thread_pool_max) thread.thread_pool_max = wanted.thread_pool_max;
}

Status edit_params(Domain& d, bool live, std::uint32_t id, const IoThread& wanted) {
    IoThread* const thread = find_iothread(d, id);
    if (thread == nullptr) return wrong_argument(fmt::format("cannot find IOThread '{}' in iothreadids", id));
    if (!live && (wanted.poll.max || wanted.poll.grow || wanted.poll.shrink))
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "configuring persistent polling values is not supported");
    merge(wanted, *thread);
    const std::int32_t low = thread->thread_pool_min.value_or(-1), high = thread->thread_pool_max.value_or(-1);
    if (low >= 0 && high >= 0 && low > high)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "thread_pool_min ({}) can't be greater than thread_pool_max ({})", low, high);
    return {};
}

} // namespace

pv_status TuneOps::iothreads(pv_call* call, const pv_obj* obj, const pv_dom_iothreads_in& in, pv_dom_iothreads_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetIOThreadInfo", [&](const Guest&, const Domain& d, bool live) -> Status {
        const auto add = [&](std::uint32_t id, const CpuSet& set) {
            const auto map = sdk::to_map(set.empty() ? online_cpus() : set, host_cpus());
            pv_dom_iothread record{};
            record.size = sizeof record;
            record.id = id;
            record.cpumap = map.data();
            record.ncpumap = static_cast<std::uint32_t>(map.size());
            s_.build->add_record(out.iothreads, &record);
        };
        ThreadsPtr threads;
        if (live)
            if (const auto run = run_of(*guest_of(obj))) threads = (*run)->figures().threads();
        // Of a running guest in the emulator's order, each where it really is.
        if (threads)
            for (const IoThreadThread& t : threads->iothreads) add(t.id, affinity_of(t.tid));
        else
            for (const IoThread& t : d.iothread_ids) add(t.id.value_or(0), iothread_pin(d, t.id.value_or(0)));
        return {};
    });
}

pv_status TuneOps::pin_iothread(pv_call* call, const pv_obj* obj, const pv_dom_pin_iothread_in& in, pv_dom_pin_iothread_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainPinIOThread"); !flags) return answer(call, flags);
    const CpuSet set = sdk::from_map(in.cpumap, in.ncpumap, host_cpus());
    const std::uint32_t id = in.id;
    Change change;
    change.edit = [set, id](Domain& d, bool live) -> Status {
        if (set.empty()) return wrong_argument("Empty iothread cpumap list for pinning");
        if (find_iothread(d, id) == nullptr) return wrong_argument(fmt::format("iothread{} {} not found", live ? "" : "id", id));
        set_iothread_pin(d, id, set);
        return {};
    };
    change.live = [this, set, id](const RunPtr& run, const auto&, const auto&) { return pin_threads(run, {Within::Kind::iothread, id}, set); };
    change.tell = [this, id, text = set.to_string()](const Guest& guest) PV_REQUIRES(guest.mu) {
        const std::string field = fmt::format("cputune.iothreadpin{}", id);
        tell_tunable(guest, {pv_param{.field = field.c_str(), .type = PV_PARAM_STRING, ._r = 0, .v = {.s = text.c_str()}}});
    };
    return apply(call, obj, in.flags, "pin iothread", std::move(change));
}

pv_status TuneOps::add_iothread(pv_call* call, const pv_obj* obj, const pv_dom_add_iothread_in& in, pv_dom_add_iothread_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainAddIOThread"); !flags) return answer(call, flags);
    if (in.id == 0) return answer(call, wrong_argument("invalid value of 0 for iothread_id"));
    Change change;
    change.edit = [id = in.id](Domain& d, bool) -> Status {
        if (find_iothread(d, id) != nullptr)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "an IOThread is already using iothread_id '{}'", id);
        sdk::domain::add_iothread(d, id);
        return {};
    };
    change.live = [this, id = in.id](const RunPtr& run, const auto&, const auto& after) { return plug_iothread(run, after, id); };
    return apply(call, obj, in.flags, "add iothread", std::move(change));
}

TuneOps::Task TuneOps::plug_iothread(RunPtr run, std::shared_ptr<const Domain> after, std::uint32_t id) {
    Json arguments = {{"qom-type", "iothread"}, {"id", fmt::format("iothread{}", id)}};
    const auto added = co_await run->qmp("object-add", std::move(arguments));
    PV_CO_TRY(added);
    PV_CO_TRY(co_await learn_iothreads(run));
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    co_return welcome_iothread(*run, *after, id);
}

pv_status TuneOps::del_iothread(pv_call* call, const pv_obj* obj, const pv_dom_del_iothread_in& in, pv_dom_del_iothread_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainDelIOThread"); !flags) return answer(call, flags);
    if (in.id == 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                                  .message = "iothread_id in virDomainDelIOThread must not be zero"});
    Change change;
    change.edit = [id = in.id](Domain& d, bool) -> Status {
        PV_TRY(check_unused(d, id));
        sdk::domain::del_iothread(d, id);
        return {};
    };
    change.live = [this, id = in.id](const RunPtr& run, const auto&, const auto&) { return unplug_iothread(run, id); };
    return apply(call, obj, in.flags, "remove iothread", std::move(change));
}

TuneOps::Task TuneOps::unplug_iothread(RunPtr run, std::uint32_t id) {
    Json arguments = {{"id", fmt::format("iothread{}", id)}};
    const auto removed = co_await run->qmp("object-del", std::move(arguments));
    PV_CO_TRY(removed);
    PV_CO_TRY(co_await learn_iothreads(run));
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    limits_of(*run).drop({Within::Kind::iothread, id});
    co_return Status{};
}

pv_status TuneOps::set_iothread_params(pv_call* call, const pv_obj* obj, const pv_dom_set_iothread_params_in& in,
                                       pv_dom_set_iothread_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetIOThreadParams"); !flags) return answer(call, flags);
    if (in.id == 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                                  .message = "iothread_id in virDomainSetIOThreadParams must not be zero"});
    IoThread wanted;
    if (const Status taken = sdk::take_iothread({in.params, in.nparams}, wanted); !taken) return answer(call, taken);
    wanted.id = in.id;
    Change change;
    change.edit = [wanted](Domain& d, bool live) { return edit_params(d, live, wanted.id.value_or(0), wanted); };
    change.live = [this, wanted](const RunPtr& run, const auto&, const auto&) { return poll_iothread(run, wanted); };
    return apply(call, obj, in.flags, "set iothread", std::move(change));
}

// Each property is set alone, so what the emulator refuses leaves those before it changed: as it is with the peer.
TuneOps::Task TuneOps::poll_iothread(RunPtr run, IoThread wanted) {
    const std::pair<const char*, std::optional<std::int64_t>> properties[] = {
        {"poll-max-ns", wanted.poll.max}, {"poll-grow", wanted.poll.grow}, {"poll-shrink", wanted.poll.shrink},
        {"thread-pool-min", wanted.thread_pool_min}, {"thread-pool-max", wanted.thread_pool_max}};
    for (const auto& [name, value] : properties) {
        if (!value) continue;
        Json arguments = {{"path", fmt::format("/objects/iothread{}", wanted.id.value_or(0))}, {"property", name}, {"value", *value}};
        const auto set = co_await run->qmp("qom-set", std::move(arguments));
        PV_CO_TRY(set);
    }
    co_return co_await learn_iothreads(run);
}

} // namespace polyvirt::qemu
