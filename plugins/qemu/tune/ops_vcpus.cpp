// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How many virtual processors a guest has, and what they do.

#include <algorithm>

#include "agent/agent.h"
#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/cpu_maps.h"
#include "sdk/domain/vcpus.h"
#include "stats/figures.h"
#include "stats/proc.h"
#include "tune/scheduling.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Status edit_max(Domain& d, std::uint32_t count) {
    if (d.cpu && d.cpu->topology) {
        const auto& t = *d.cpu->topology;
        const std::uint64_t all = std::uint64_t{t.sockets.value_or(1)} * t.dies.value_or(1) * t.cores.value_or(1) * t.threads.value_or(1);
        if (all != count) return wrong_argument("CPU topology doesn't match the desired vcpu count");
    }
    if (d.cpu)
        for (const NumaCell& cell : d.cpu->numa.cells)
            if (!cell.cpus.empty() && cell.cpus.ranges.back().second >= count)
                return wrong_argument("Number of CPUs in <numa> exceeds the desired maximum vcpu count");
    set_max_vcpus(d, count);
    return {};
}

} // namespace

pv_status TuneOps::vcpus_count(pv_call* call, const pv_obj* obj, const pv_dom_vcpus_count_in& in, pv_dom_vcpus_count_out& out) {
    constexpr std::uint32_t kKnown = kAffect | PV_DOMAIN_VCPU_MAXIMUM | PV_DOMAIN_VCPU_GUEST;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainGetVcpusFlags"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const auto affected = affected_by(*guest, in.flags & kAffect);
    if (!affected) return answer(call, affected.error());
    if ((in.flags & PV_DOMAIN_VCPU_GUEST) != 0) {
        if (!affected->live) return answer(call, wrong_argument("vCPU count provided by the guest agent can only be requested for live domains"));
        return without_job(call, obj, [this, call, count = &out.count](const sdk::OperationPtr&, const GuestPtr& g) {
            return count_in_guest(g, call, count);
        });
    }
    std::optional<Summary> summary;
    {
        const ObjectLock lock(guest->mu);
        if (affected->live && guest->live) summary = summarize(*guest->live);
        else if (guest->config) summary = guest->config->summary();
    }
    if (!summary) return answer(call, no_domain(*guest));
    out.count = static_cast<std::int32_t>((in.flags & PV_DOMAIN_VCPU_MAXIMUM) != 0 ? summary->max_vcpus : summary->vcpus);
    return PV_OK;
}

// Of the guest's own system, which its agent alone knows.
Part::Task TuneOps::count_in_guest(GuestPtr guest, pv_call* call, std::int32_t* count) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(*count, co_await agent_vcpus(run, call));
    co_return Status();
}

Part::Task TuneOps::switch_in_guest(GuestPtr guest, std::uint32_t count, pv_call* call) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    co_return co_await agent_set_vcpus(run, count, call);
}

pv_status TuneOps::set_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_set_vcpus_in& in, pv_dom_set_vcpus_out&) {
    constexpr std::uint32_t kKnown = kAffect | PV_DOMAIN_VCPU_MAXIMUM | PV_DOMAIN_VCPU_GUEST | PV_DOMAIN_VCPU_HOTPLUGGABLE;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainSetVcpusFlags"); !flags) return answer(call, flags);
    if (in.count == 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                                  .message = "nvcpus in virDomainSetVcpusFlags must not be zero"});
    if ((in.flags & PV_DOMAIN_VCPU_GUEST) != 0) {
        return without_job(call, obj, [this, call, count = in.count](const sdk::OperationPtr&, const GuestPtr& guest) {
            return switch_in_guest(guest, count, call);
        });
    }
    if ((in.flags & PV_DOMAIN_VCPU_MAXIMUM) != 0) {
        Change change;
        change.edit = [count = in.count](Domain& d, bool live) -> Status {
            if (live)
                return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "maximum vcpu count of a live domain can't be modified");
            return edit_max(d, count);
        };
        return apply(call, obj, in.flags & kAffect, "set vcpus", std::move(change));
    }
    return change(call, obj, "set vcpus", [this, in](const sdk::OperationPtr& op, const GuestPtr& guest) { return change_vcpus(op, guest, in); });
}

pv_status TuneOps::set_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_set_vcpu_in& in, pv_dom_set_vcpu_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetVcpu"); !flags) return answer(call, flags);
    if (in.state != 0 && in.state != 1) return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::qemu,
                                                                  .message = "unsupported state value"});
    const auto set = sdk::xml::CpuSet::parse(in.cpumap);
    if (!set || set->empty()) return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::none, "Failed to parse bitmap '{}'", in.cpumap));
    return change(call, obj, "set vcpu", [this, set = *set, on = in.state == 1, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return switch_vcpus(op, guest, set, on, flags);
    });
}

pv_status TuneOps::vcpus(pv_call* call, const pv_obj* obj, const pv_dom_vcpus_in&, pv_dom_vcpus_out& out) {
    const GuestPtr guest = guest_of(obj);
    std::shared_ptr<const Domain> live;
    RunPtr run;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        run = guest->run;
    }
    if (!live || !run)
        return answer(call, make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "cannot retrieve vcpu information for inactive domain"));
    const ThreadsPtr threads = run->figures().threads();
    if (!threads) return PV_OK;
    for (const VcpuThread& v : threads->vcpus) {
        if (!is_online(*live, v.vcpu)) continue;
        const auto times = thread_times(run->pid(), v.tid);
        const auto map = sdk::to_map(affinity_of(v.tid), host_cpus());
        pv_dom_vcpu record{};
        record.size = sizeof record;
        record.number = v.vcpu;
        record.state = PV_VCPU_RUNNING;
        record.cpu_time = times ? times->user + times->system : 0;
        record.cpu = times ? times->processor : 0;
        record.cpumap = map.data();
        record.ncpumap = static_cast<std::uint32_t>(map.size());
        s_.build->add_record(out.vcpus, &record);
    }
    return PV_OK;
}

} // namespace polyvirt::qemu
