// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Limits of memory and of block I/O, and which of the host's memory a guest has.

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/xml/compare.h"
#include "tune/limits.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::xml::unless_blank;

NumaMemory memory_of(const Domain& d) { return d.numatune && d.numatune->memory ? *d.numatune->memory : NumaMemory{}; }

Error refused(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

Status edit_numa(Domain& d, bool live, sdk::ParamSpan params) {
    NumaMemory tune = memory_of(d);
    const std::string mode = tune.mode.empty() ? "strict" : tune.mode;
    const auto nodes = tune.nodeset;
    PV_TRY(sdk::take_numa(params, tune, ErrorDomain::qemu));
    if (live && !tune.mode.empty() && tune.mode != mode) return refused("can't change numatune mode for running domain");
    if (live && tune.nodeset != nodes && mode != "restrictive")
        return refused("change of nodeset for running domain requires restrictive numa mode");
    if (tune.mode.empty()) tune.mode = mode;
    if (tune.nodeset.empty() && tune.placement != "auto")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain,
                          "nodeset for NUMA memory tuning must be set if 'placement' is 'static'");
    Numatune all = d.numatune.value_or(Numatune{});
    all.memory = unless_blank(std::move(tune));
    d.numatune = unless_blank(std::move(all));
    return {};
}

} // namespace

pv_status TuneOps::memory_params(pv_call* call, const pv_obj* obj, const pv_dom_memory_params_in& in, pv_dom_memory_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetMemoryParameters", [&](Guest& guest, const Domain& d, bool live) -> Status {
        Memtune tune = d.memtune.value_or(Memtune{});
        if (live) {
            PV_ASSIGN_OR_RETURN(const RunPtr run, run_of(guest));
            PV_ASSIGN_OR_RETURN(tune, limits_of(*run).memory());
        }
        sdk::put_memory(s_, out.params, tune);
        return {};
    });
}

pv_status TuneOps::set_memory_params(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_params_in& in, pv_dom_set_memory_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetMemoryParameters"); !flags) return answer(call, flags);
    Change change;
    change.edit = [params = sdk::ParamSpan(in.params, in.nparams)](Domain& d, bool) -> Status {
        Memtune tune = d.memtune.value_or(Memtune{});
        PV_TRY(sdk::take_memory(params, tune));
        d.memtune = unless_blank(std::move(tune));
        return {};
    };
    change.live = [this](const RunPtr& run, const auto&, const auto& after) { return limit_memory(run, after); };
    return apply(call, obj, in.flags, "set memory limits", std::move(change));
}

TuneOps::Task TuneOps::limit_memory(RunPtr run, std::shared_ptr<const Domain> after) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    co_return limits_of(*run).set_memory(after->memtune.value_or(Memtune{}));
}

pv_status TuneOps::blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_blkio_params_in& in, pv_dom_blkio_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetBlkioParameters", [&](Guest& guest, const Domain& d, bool live) -> Status {
        Blkiotune tune = d.blkiotune.value_or(Blkiotune{});
        if (live) {
            PV_ASSIGN_OR_RETURN(const RunPtr run, run_of(guest));
            PV_ASSIGN_OR_RETURN(tune.weight, limits_of(*run).weight());
        }
        sdk::put_blkio(s_, out.params, tune);
        return {};
    });
}

pv_status TuneOps::set_blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_set_blkio_params_in& in, pv_dom_set_blkio_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetBlkioParameters"); !flags) return answer(call, flags);
    Change change;
    change.edit = [params = sdk::ParamSpan(in.params, in.nparams)](Domain& d, bool) -> Status {
        Blkiotune tune = d.blkiotune.value_or(Blkiotune{});
        PV_TRY(sdk::take_blkio(params, tune));
        d.blkiotune = unless_blank(std::move(tune));
        return {};
    };
    change.live = [this](const RunPtr& run, const auto& before, const auto& after) { return limit_blkio(run, before, after); };
    return apply(call, obj, in.flags, "set blkio limits", std::move(change));
}

TuneOps::Task TuneOps::limit_blkio(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    const Blkiotune was = before->blkiotune.value_or(Blkiotune{}), wanted = after->blkiotune.value_or(Blkiotune{});
    const Limits limits = limits_of(*run);
    if (wanted.weight != was.weight) PV_CO_TRY(limits.set_weight(wanted.weight.value_or(100)));
    co_return limits.set_devices(was.devices, wanted.devices);
}

pv_status TuneOps::numa_params(pv_call* call, const pv_obj* obj, const pv_dom_numa_params_in& in, pv_dom_numa_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetNumaParameters", [&](const Guest&, const Domain& d, bool) -> Status {
        sdk::put_numa(s_, out.params, memory_of(d));
        return {};
    });
}

pv_status TuneOps::set_numa_params(pv_call* call, const pv_obj* obj, const pv_dom_set_numa_params_in& in, pv_dom_set_numa_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetNumaParameters"); !flags) return answer(call, flags);
    Change change;
    change.edit = [params = sdk::ParamSpan(in.params, in.nparams)](Domain& d, bool live) { return edit_numa(d, live, params); };
    change.live = [this](const RunPtr& run, const auto& before, const auto& after) { return move_memory(run, before, after); };
    return apply(call, obj, in.flags, "set numa", std::move(change));
}

TuneOps::Task TuneOps::move_memory(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    if (memory_of(*before).nodeset == memory_of(*after).nodeset) co_return Status{};
    co_return limits_of(*run).set_nodes(memory_of(*after).nodeset);
}

} // namespace polyvirt::qemu
