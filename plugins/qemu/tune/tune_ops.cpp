// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tune/tune_ops.h"

#include <polyvirt/abi/gen/events.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/cpu_maps.h"
#include "tune/scheduling.h"

namespace polyvirt::qemu {

pv_status TuneOps::apply(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* what, Change change) {
    const auto shared = std::make_shared<const Change>(std::move(change));
    return this->change(call, obj, what, [this, flags, shared](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return apply_to(op, guest, flags, shared);
    });
}

TuneOps::Task TuneOps::apply_to(sdk::OperationPtr op, GuestPtr guest, std::uint32_t flags, std::shared_ptr<const Change> change) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    std::shared_ptr<const Domain> before, after;
    RunPtr run;
    if (affected.live) {
        {
            const ObjectLock lock(guest->mu);
            before = guest->live;
            run = guest->run;
        }
        if (!before || !run) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
        Domain edited = *before;
        PV_CO_TRY(change->edit(edited, true));
        after = std::make_shared<const Domain>(std::move(edited));
    }
    std::optional<Domain> config;
    if (affected.config) {
        auto edited = driver_.edited_config(guest, [&](Domain& d) { return change->edit(d, false); });
        PV_CO_TRY(edited);
        config = *std::move(edited);
    }
    if (affected.live) {
        if (change->live) PV_CO_TRY(co_await change->live(run, before, after));
        const ObjectLock lock(guest->mu);
        driver_.edit_live(*guest, [&](Domain& d) { (void)change->edit(d, true); });
        if (change->tell && guest->live) change->tell(*guest);
    }
    if (affected.live) PV_CO_TRY(co_await driver_.saved(guest));
    else PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (config) co_return driver_.put_config(guest, *config, op->call());
    co_return Status{};
}

void TuneOps::add_map(pv_records* to, const sdk::xml::CpuSet& set) const {
    const auto map = sdk::to_map(set.empty() ? online_cpus() : set, host_cpus());
    pv_dom_cpumap record{};
    record.size = sizeof record;
    record.cpumap = map.data();
    record.ncpumap = static_cast<std::uint32_t>(map.size());
    s_.build->add_record(to, &record);
}

void TuneOps::tell_tunable(const Guest& guest, const std::vector<pv_param>& params) const {
    pv_event_domain_tunable payload{};
    payload.size = sizeof payload;
    payload.params = params.data();
    payload.nparams = static_cast<std::uint32_t>(params.size());
    driver_.post_event(guest, PV_EVENT_DOMAIN_TUNABLE, &payload);
}

} // namespace polyvirt::qemu
