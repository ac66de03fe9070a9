// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/tune_ops.h"

#include <utility>

#include "base/error_text.h"
#include "container/container.h"
#include "driver.h"
#include "sdk/cgroup/limits.h"
#include "sdk/tune_params.h"
#include "sdk/xml/compare.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
using sdk::Limits;
using sdk::xml::unless_blank;

constexpr std::uint32_t kWeightDefault = 100;

Error bad(std::string_view text) { return make_error(ErrorCode::invalid_arg, ErrorDomain::lxc, "{}", text); }

constexpr sdk::ParamRow<Cputune> kScheduler[] = {{PV_DOMAIN_SCHEDULER_CPU_SHARES, &Cputune::shares},
                                                 {PV_DOMAIN_SCHEDULER_VCPU_PERIOD, &Cputune::period},
                                                 {PV_DOMAIN_SCHEDULER_VCPU_QUOTA, &Cputune::quota}};

Result<Cputune> in_force(const ContainerPtr& container) {
    const Limits limits(container->group());
    Cputune now;
    PV_ASSIGN_OR_RETURN(now.shares, limits.shares());
    PV_ASSIGN_OR_RETURN(const sdk::CpuBandwidth bandwidth, limits.bandwidth({}));
    now.period = bandwidth.period;
    now.quota = bandwidth.quota;
    return now;
}

Status put_in_force(const ContainerPtr& container, const Cputune& wanted) {
    const Limits limits(container->group());
    PV_ASSIGN_OR_RETURN(const Cputune now, in_force(container));
    if (wanted.shares && wanted.shares != now.shares) PV_TRY(limits.set_shares(*wanted.shares));
    return limits.set_bandwidth({}, {wanted.period.value_or(100'000), wanted.quota.value_or(-1)});
}

} // namespace

pv_status TuneOps::tune(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* what, Edit change_it,
                        Apply apply) const {
    return change(call, obj, what,
                  [this, flags, change_it = std::move(change_it), apply = std::move(apply)](const sdk::OperationPtr& op,
                                                                                            const GuestPtr& guest) {
                      return run(op, guest, flags, change_it, apply);
                  });
}

TuneOps::Task TuneOps::run(sdk::OperationPtr op, GuestPtr guest, std::uint32_t flags, Edit change_it,
                           Apply apply) const {
    co_return edit(op, guest, flags, change_it, apply);
}

pv_status TuneOps::max_memory(pv_call* call, const pv_obj* obj, const pv_dom_max_memory_in&,
                              pv_dom_max_memory_out& out) {
    const auto summary = sdk::summary_of(*guest_of(obj));
    if (!summary) return answer(call, summary.error());
    out.memory = summary->memory;
    return PV_OK;
}

pv_status TuneOps::set_memory(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_in& in,
                              pv_dom_set_memory_out&) {
    if (const Status flags = check_flags(in.flags, kAffect | PV_DOMAIN_MEM_MAXIMUM, "lxcDomainSetMemoryFlags"); !flags)
        return answer(call, flags);
    if (in.memory == 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg,
                                  .domain = ErrorDomain::domain,
                                  .message = "memory in virDomainSetMemoryFlags must not be zero"});
    const std::uint64_t kib = in.memory;
    const bool maximum = (in.flags & PV_DOMAIN_MEM_MAXIMUM) != 0;
    const auto wanted = [kib, maximum](Domain& d) -> Status {
        if (maximum) {
            d.memory = kib;
            if (d.current_memory.value_or(0) > kib) d.current_memory = kib;
            return {};
        }
        if (kib > d.memory.value_or(0)) return bad("Cannot set memory higher than max memory");
        d.current_memory = kib;
        return {};
    };
    const auto apply = [kib, maximum](const Running& now) -> Status {
        if (maximum) return invalid("Cannot resize the max memory on an active domain");
        const Limits limits(now.container->group());
        PV_ASSIGN_OR_RETURN(Memtune tune, limits.memory());
        tune.hard_limit = kib;
        return limits.set_memory(tune);
    };
    return tune(call, obj, in.flags & kAffect, "set memory", wanted, apply);
}

pv_status TuneOps::memory_params(pv_call* call, const pv_obj* obj, const pv_dom_memory_params_in& in,
                                 pv_dom_memory_params_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainGetMemoryParameters"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    bool live = false;
    const auto domain = one_of(*guest, in.flags, &live);
    if (!domain) return answer(call, domain.error());
    Memtune now = (*domain)->memtune.value_or(Memtune{});
    if (live) {
        const auto container = container_of(*guest);
        if (!container) return answer(call, container.error());
        auto read = Limits((*container)->group()).memory();
        if (!read) return answer(call, read.error());
        now = *std::move(read);
    }
    sdk::put_memory(s_, out.params, now);
    return PV_OK;
}

pv_status TuneOps::set_memory_params(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_params_in& in,
                                     pv_dom_set_memory_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainSetMemoryParameters"); !flags)
        return answer(call, flags);
    const auto wanted = [params = sdk::ParamSpan(in.params, in.nparams)](Domain& d) -> Status {
        Memtune all = d.memtune.value_or(Memtune{});
        PV_TRY(sdk::take_memory(params, all));
        d.memtune = unless_blank(std::move(all));
        return {};
    };
    const auto apply = [](const Running& now) {
        Memtune all = now.live->memtune.value_or(Memtune{});
        if (!all.hard_limit) all.hard_limit = now.live->memory; // as at its start
        return Limits(now.container->group()).set_memory(all);
    };
    return tune(call, obj, in.flags, "set memory limits", wanted, apply);
}

pv_status TuneOps::blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_blkio_params_in& in,
                                pv_dom_blkio_params_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainGetBlkioParameters"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    bool live = false;
    const auto domain = one_of(*guest, in.flags, &live);
    if (!domain) return answer(call, domain.error());
    Blkiotune now = (*domain)->blkiotune.value_or(Blkiotune{});
    if (live) {
        const auto container = container_of(*guest);
        if (!container) return answer(call, container.error());
        const auto weight = Limits((*container)->group()).weight();
        if (!weight) return answer(call, weight.error());
        now.weight = *weight;
    }
    sdk::put_blkio(s_, out.params, now);
    return PV_OK;
}

pv_status TuneOps::set_blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_set_blkio_params_in& in,
                                    pv_dom_set_blkio_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainSetBlkioParameters"); !flags)
        return answer(call, flags);
    const auto was = std::make_shared<Blkiotune>();
    const auto wanted = [params = sdk::ParamSpan(in.params, in.nparams), was](Domain& d) -> Status {
        Blkiotune all = d.blkiotune.value_or(Blkiotune{});
        *was = all;
        PV_TRY(sdk::take_blkio(params, all));
        d.blkiotune = unless_blank(std::move(all));
        return {};
    };
    const auto apply = [was](const Running& now) -> Status {
        const Limits limits(now.container->group());
        const Blkiotune all = now.live->blkiotune.value_or(Blkiotune{});
        if (all.weight != was->weight) PV_TRY(limits.set_weight(all.weight.value_or(kWeightDefault)));
        return limits.set_devices(was->devices, all.devices);
    };
    return tune(call, obj, in.flags, "set blkio limits", wanted, apply);
}

pv_status TuneOps::scheduler_type(pv_call* call, const pv_obj*, const pv_dom_scheduler_type_in&,
                                  pv_dom_scheduler_type_out& out) {
    out.nparams = static_cast<std::int32_t>(std::size(kScheduler));
    return give(call, out.type, "posix");
}

pv_status TuneOps::scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_scheduler_params_in& in,
                                    pv_dom_scheduler_params_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainGetSchedulerParametersFlags"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    bool live = false;
    const auto domain = one_of(*guest, in.flags, &live);
    if (!domain) return answer(call, domain.error());
    Cputune now = (*domain)->cputune.value_or(Cputune{});
    if (live) {
        const auto container = container_of(*guest);
        if (!container) return answer(call, container.error());
        auto read = in_force(*container);
        if (!read) return answer(call, read.error());
        now = *std::move(read);
    }
    sdk::put_all(s_, out.params, kScheduler, now);
    return PV_OK;
}

pv_status TuneOps::set_scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_set_scheduler_params_in& in,
                                        pv_dom_set_scheduler_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainSetSchedulerParametersFlags"); !flags)
        return answer(call, flags);
    const auto wanted = [params = in.params, count = in.nparams](Domain& d) -> Status {
        Cputune all = d.cputune.value_or(Cputune{});
        PV_TRY(sdk::take_all(params, count, kScheduler, all));
        d.cputune = unless_blank(std::move(all));
        return {};
    };
    const auto apply = [](const Running& now) {
        return put_in_force(now.container, now.live->cputune.value_or(Cputune{}));
    };
    return tune(call, obj, in.flags, "set scheduler", wanted, apply);
}

} // namespace polyvirt::lxc
