// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How much of the host's processors a guest gets: shares of it all, and time in each period for the whole, for each virtual
// processor, for the emulator and for each I/O thread.

#include <algorithm>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/domain/pins.h"
#include "stats/figures.h"
#include "tune/limits.h"
#include "tune/prepare.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using Kind = Within::Kind;

constexpr sdk::ParamRow<Cputune> kShares = {PV_DOMAIN_SCHEDULER_CPU_SHARES, &Cputune::shares};

struct Row {
    Kind kind;
    const char *period_name, *quota_name;
    std::optional<std::uint64_t> Cputune::*period;
    std::optional<std::int64_t> Cputune::*quota;
    const char *period_event, *quota_event;
};
constexpr Row kRows[] = {
    {Kind::vcpu, PV_DOMAIN_SCHEDULER_VCPU_PERIOD, PV_DOMAIN_SCHEDULER_VCPU_QUOTA, &Cputune::period, &Cputune::quota,
     PV_DOMAIN_TUNABLE_CPU_VCPU_PERIOD, PV_DOMAIN_TUNABLE_CPU_VCPU_QUOTA},
    {Kind::emulator, PV_DOMAIN_SCHEDULER_EMULATOR_PERIOD, PV_DOMAIN_SCHEDULER_EMULATOR_QUOTA, &Cputune::emulator_period,
     &Cputune::emulator_quota, PV_DOMAIN_TUNABLE_CPU_EMULATOR_PERIOD, PV_DOMAIN_TUNABLE_CPU_EMULATOR_QUOTA},
    {Kind::guest, PV_DOMAIN_SCHEDULER_GLOBAL_PERIOD, PV_DOMAIN_SCHEDULER_GLOBAL_QUOTA, &Cputune::global_period,
     &Cputune::global_quota, PV_DOMAIN_TUNABLE_CPU_GLOBAL_PERIOD, PV_DOMAIN_TUNABLE_CPU_GLOBAL_QUOTA},
    {Kind::iothread, PV_DOMAIN_SCHEDULER_IOTHREAD_PERIOD, PV_DOMAIN_SCHEDULER_IOTHREAD_QUOTA, &Cputune::iothread_period,
     &Cputune::iothread_quota, PV_DOMAIN_TUNABLE_CPU_IOTHREAD_PERIOD, PV_DOMAIN_TUNABLE_CPU_IOTHREAD_QUOTA},
};

constexpr std::int64_t kPeriodMin = 1000, kPeriodMax = 1'000'000, kQuotaMin = 1000, kQuotaMax = 17'592'186'044'415;

// 0 and, of quotas, everything below mean "none".
Status check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value <= 0 || (value >= low && value <= high)) return {};
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "value of '{}' is out of range [{}, {}]", name, low, high);
}

// Zero of a number that a client sends stands in the document as nothing, but for shares.
Status take(sdk::ParamSpan params, Cputune& tune) {
    for (const pv_param& param : params) {
        if (std::string_view(param.field) == kShares.name) {
            if (param.type != PV_PARAM_ULLONG) return sdk::wrong_param_type(param, PV_PARAM_ULLONG);
            tune.shares = param.v.ul;
            continue;
        }
        bool found = false;
        for (const Row& row : kRows) {
            if (std::string_view(param.field) == row.period_name) {
                PV_TRY(sdk::take_row(param, sdk::ParamRow<Cputune>{row.period_name, row.period}, tune));
                const std::uint64_t value = (tune.*row.period).value_or(0);
                PV_TRY(check_range(row.period_name, static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX)), kPeriodMin, kPeriodMax));
                found = true;
            } else if (std::string_view(param.field) == row.quota_name) {
                PV_TRY(sdk::take_row(param, sdk::ParamRow<Cputune>{row.quota_name, row.quota}, tune));
                PV_TRY(check_range(row.quota_name, (tune.*row.quota).value_or(0), kQuotaMin, kQuotaMax));
                found = true;
            }
        }
        if (!found) return sdk::unknown_param(param.field);
    }
    return {};
}

void put(const sdk::ParamWriter& w, const Cputune& tune) {
    sdk::put_row(w, kShares, tune);
    for (const Row& row : kRows) {
        w.put(row.period_name, (tune.*row.period).value_or(0));
        w.put(row.quota_name, (tune.*row.quota).value_or(0));
    }
}

// What is in force: the kernel's own words, where the guest is in a group.
Result<Cputune> in_force(const Run& run) {
    const Limits limits = limits_of(run);
    Cputune now;
    PV_ASSIGN_OR_RETURN(now.shares, limits.shares());
    const ThreadsPtr threads = run.figures().threads();
    const std::uint32_t iothread = threads && !threads->iothreads.empty() ? threads->iothreads.front().id : 0;
    for (const Row& row : kRows) {
        PV_ASSIGN_OR_RETURN(const CpuBandwidth bandwidth, limits.bandwidth({row.kind, row.kind == Kind::iothread ? iothread : 0}));
        now.*row.period = bandwidth.period;
        now.*row.quota = bandwidth.quota;
    }
    return now;
}

// The groups that a row is about.
std::vector<Within> groups_of(Kind kind, const Threads& threads) {
    std::vector<Within> all;
    if (kind == Kind::guest || kind == Kind::emulator) all.push_back({kind, 0});
    if (kind == Kind::vcpu)
        for (const VcpuThread& v : threads.vcpus) all.push_back({kind, v.vcpu});
    if (kind == Kind::iothread)
        for (const IoThreadThread& t : threads.iothreads) all.push_back({kind, t.id});
    return all;
}

} // namespace

Status put_in_force(const Run& run, const Cputune& before, const Cputune& after) {
    const Limits limits = limits_of(run);
    if (after.shares && after.shares != before.shares) PV_TRY(limits.set_shares(*after.shares));
    const ThreadsPtr threads = run.figures().threads();
    for (const Row& row : kRows) {
        const bool period = after.*row.period != before.*row.period, quota = after.*row.quota != before.*row.quota;
        if (!period && !quota) continue;
        CpuBandwidth wanted;
        if (period) wanted.period = (after.*row.period).value_or(100'000);
        if (quota) wanted.quota = (after.*row.quota).value_or(-1);
        for (const Within where : groups_of(row.kind, threads ? *threads : Threads{})) {
            PV_TRY(enter_group(run, limits, where));
            PV_TRY(limits.set_bandwidth(where, wanted));
        }
    }
    return {};
}

pv_status TuneOps::scheduler_type(pv_call*, const pv_obj*, const pv_dom_scheduler_type_in&, pv_dom_scheduler_type_out& out) {
    out.nparams = 1 + 2 * static_cast<std::int32_t>(std::size(kRows));
    return plugin::write(s_, out.type, "posix") ? PV_OK : PV_FAIL;
}

pv_status TuneOps::scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_scheduler_params_in& in, pv_dom_scheduler_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetSchedulerParametersFlags",
                [&](Guest& guest, const Domain& d, bool live) -> Status {
                    const sdk::ParamWriter w(s_, out.params);
                    if (!live) {
                        put(w, d.cputune.value_or(Cputune{}));
                        return {};
                    }
                    PV_ASSIGN_OR_RETURN(const RunPtr run, run_of(guest));
                    PV_ASSIGN_OR_RETURN(const Cputune now, in_force(*run));
                    put(w, now);
                    return {};
                });
}

pv_status TuneOps::set_scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_set_scheduler_params_in& in,
                                        pv_dom_set_scheduler_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetSchedulerParametersFlags"); !flags) return answer(call, flags);
    // The parameters stay the host's until the call is complete, which is after all of this.
    const sdk::ParamSpan params(in.params, in.nparams);
    Change change;
    change.edit = [params](Domain& d, bool) { return edit_cputune(d, [&](Cputune& tune) { return take(params, tune); }); };
    change.live = [this](const RunPtr& run, const auto& before, const auto& after) { return tune_scheduler(run, before, after); };
    change.tell = [this, params](const Guest& guest) PV_REQUIRES(guest.mu) {
        std::vector<pv_param> told;
        for (const pv_param& param : params) {
            pv_param p = param;
            if (std::string_view(param.field) == kShares.name) p.field = PV_DOMAIN_TUNABLE_CPU_CPU_SHARES;
            for (const Row& row : kRows) {
                if (std::string_view(param.field) == row.period_name) p.field = row.period_event;
                if (std::string_view(param.field) == row.quota_name) p.field = row.quota_event;
            }
            told.push_back(p);
        }
        if (!told.empty()) tell_tunable(guest, told);
    };
    return apply(call, obj, in.flags, "set scheduler", std::move(change));
}

TuneOps::Task TuneOps::tune_scheduler(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    co_return put_in_force(*run, before->cputune.value_or(Cputune{}), after->cputune.value_or(Cputune{}));
}

} // namespace polyvirt::qemu
