// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which of the kernel's counters follow a guest.

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/tune_params.h"
#include "stats/figures.h"
#include "stats/stats_ops.h"

namespace polyvirt::qemu {
pv_status StatsOps::perf_events(pv_call* call, const pv_obj* obj, const pv_dom_perf_events_in& in, pv_dom_perf_events_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainGetPerfEvents"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const auto domain = one_of(*guest, in.flags);
    if (!domain) return answer(call, domain.error());
    sdk::put_perf(s_, out.params, (*domain)->perf);
    return PV_OK;
}

pv_status StatsOps::set_perf_events(pv_call* call, const pv_obj* obj, const pv_dom_set_perf_events_in& in, pv_dom_set_perf_events_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetPerfEvents"); !flags) return answer(call, flags);
    if (const Status known = sdk::check_perf({in.params, in.nparams}); !known) return answer(call, known);
    return change(call, obj, "set perf events", [this, in](const sdk::OperationPtr& op, const GuestPtr& guest) { return follow(op, guest, in); });
}

StatsOps::Task StatsOps::follow(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_perf_events_in in) {
    const sdk::ParamSpan params(in.params, in.nparams);
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, in.flags));
    std::optional<Domain> config;
    if (affected.config) {
        auto edited = driver_.edited_config(guest, [&](Domain& d) -> Status {
            sdk::take_perf(params, d.perf);
            return {};
        });
        PV_CO_TRY(edited);
        config = *std::move(edited);
    }
    if (affected.live) {
        const auto found = running(*guest);
        PV_CO_TRY(found);
        PerfCounters& counters = found->run->figures().perf();
        for (const pv_param& param : params) {
            if (param.v.b == 0) counters.disable(param.field);
            else if (!sdk::follows(found->live->perf, param.field)) PV_CO_TRY(counters.enable(param.field, found->run->pid()));
        }
        {
            const ObjectLock lock(guest->mu);
            driver_.edit_live(*guest, [&](Domain& d) { sdk::take_perf(params, d.perf); });
        }
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) co_return driver_.put_config(guest, *config, op->call());
    co_return Status{};
}

} // namespace polyvirt::qemu
