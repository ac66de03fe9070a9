// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which of the host's processors run a guest's virtual ones and its emulator.

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/cpu_maps.h"
#include "sdk/domain/pins.h"
#include "sdk/domain/vcpus.h"
#include "stats/figures.h"
#include "tune/prepare.h"
#include "tune/scheduling.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::xml::CpuSet;

pv_param text_param(const std::string& field, const std::string& value) {
    return {.field = field.c_str(), .type = PV_PARAM_STRING, ._r = 0, .v = {.s = value.c_str()}};
}

} // namespace

// By group and by thread: the one holds, what the emulator tells its own threads; the other holds where there is no group.
TuneOps::Task TuneOps::pin_threads(RunPtr run, Within where, CpuSet set) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    const Limits limits = limits_of(*run);
    if (!limits.empty()) {
        PV_CO_TRY(enter_group(*run, limits, where));
        PV_CO_TRY(limits.set_cpus(where, set));
    }
    std::vector<std::int64_t> tids;
    const ThreadsPtr threads = run->figures().threads();
    if (where.kind == Within::Kind::emulator) tids = emulator_threads(*run);
    if (const auto* v = where.kind == Within::Kind::vcpu && threads ? threads->vcpu(where.id) : nullptr) tids.push_back(v->tid);
    if (const auto* t = where.kind == Within::Kind::iothread && threads ? threads->iothread(where.id) : nullptr) tids.push_back(t->tid);
    for (const std::int64_t tid : tids) PV_CO_TRY(set_affinity(tid, set));
    co_return Status{};
}

pv_status TuneOps::vcpu_pins(pv_call* call, const pv_obj* obj, const pv_dom_vcpu_pins_in& in, pv_dom_vcpu_pins_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetVcpuPinInfo", [&](const Guest&, const Domain& d, bool) -> Status {
        for (std::uint32_t i = 0; i < max_vcpus(d); ++i)
            if (is_online(d, i)) add_map(out.pins, vcpu_pin(d, i));
        return {};
    });
}

pv_status TuneOps::pin_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_pin_vcpu_in& in, pv_dom_pin_vcpu_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainPinVcpuFlags"); !flags) return answer(call, flags);
    const CpuSet set = sdk::from_map(in.cpumap, in.ncpumap, host_cpus());
    const std::uint32_t vcpu = in.vcpu;
    Change change;
    change.edit = [set, vcpu](Domain& d, bool live) -> Status {
        if (set.empty()) return wrong_argument("Empty cpu list for pinning");
        if (vcpu >= max_vcpus(d))
            return wrong_argument(fmt::format("vcpu {} is out of range of {} cpu count {}", vcpu, live ? "live" : "persistent", online_vcpus(d)));
        set_vcpu_pin(d, vcpu, set);
        return {};
    };
    change.live = [this, set, vcpu](const RunPtr& run, const auto&, const auto&) { return pin_threads(run, {Within::Kind::vcpu, vcpu}, set); };
    change.tell = [this, vcpu, text = set.to_string()](const Guest& guest) PV_REQUIRES(guest.mu) {
        tell_tunable(guest, {text_param(fmt::format("cputune.vcpupin{}", vcpu), text)});
    };
    return apply(call, obj, in.flags, "pin vcpu", std::move(change));
}

pv_status TuneOps::emulator_pin(pv_call* call, const pv_obj* obj, const pv_dom_emulator_pin_in& in, pv_dom_emulator_pin_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetEmulatorPinInfo", [&](const Guest&, const Domain& d, bool) -> Status {
        out.found = 1;
        add_map(out.pins, sdk::domain::emulator_pin(d));
        return {};
    });
}

pv_status TuneOps::pin_emulator(pv_call* call, const pv_obj* obj, const pv_dom_pin_emulator_in& in, pv_dom_pin_emulator_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainPinEmulator"); !flags) return answer(call, flags);
    const CpuSet set = sdk::from_map(in.cpumap, in.ncpumap, host_cpus());
    Change change;
    change.edit = [set](Domain& d, bool) -> Status {
        if (set.empty()) return wrong_argument("Empty cpu list for pinning");
        set_emulator_pin(d, set);
        return {};
    };
    change.live = [this, set](const RunPtr& run, const auto&, const auto&) { return pin_threads(run, {Within::Kind::emulator, 0}, set); };
    change.tell = [this, text = set.to_string()](const Guest& guest) PV_REQUIRES(guest.mu) {
        tell_tunable(guest, {text_param(PV_DOMAIN_TUNABLE_CPU_EMULATORPIN, text)});
    };
    return apply(call, obj, in.flags, "pin emulator", std::move(change));
}

} // namespace polyvirt::qemu
