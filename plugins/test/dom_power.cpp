// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The rest of pv.dom.lifecycle: sleep, keys and signals.

#include "dom_power.h"

#include "domains.h"
#include "op.h"

namespace polyvirt::test {
namespace {

class Power : public Ops {
  public:
    using Ops::Ops;

    pv_status pm_suspend(pv_call* call, const pv_obj* obj, const pv_dom_pm_suspend_in& in, pv_dom_pm_suspend_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainPMSuspendForDuration"); !flags) return answer(call, flags);
        if (in.duration != 0)
            return fail(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::test, "Duration not supported. Use 0 for now"));
        if (in.sleep < 0 || in.sleep > PV_NODE_SUSPEND_TARGET_HYBRID)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "Unknown suspend target: {}", in.sleep));
        return step(call, obj, "suspend to memory", [sleep = in.sleep](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (guest.state == PV_DOMAIN_PMSUSPENDED) return invalid("domain is pmsuspended");
            const bool disk = sleep == PV_NODE_SUSPEND_TARGET_DISK;
            if (disk) { // what sleeps on disk is off
                pv_event_domain_pmsuspend_disk payload{};
                payload.size = sizeof payload;
                domains.post(guest, PV_EVENT_DOMAIN_PMSUSPEND_DISK, &payload);
                domains.halt(guest, PV_DOMAIN_SHUTOFF_SHUTDOWN, PV_DOMAIN_EVENT_STOPPED_SHUTDOWN);
                return {};
            }
            domains.set_state(guest, PV_DOMAIN_PMSUSPENDED, PV_DOMAIN_PMSUSPENDED_UNKNOWN);
            pv_event_domain_pmsuspend payload{};
            payload.size = sizeof payload;
            domains.post(guest, PV_EVENT_DOMAIN_PMSUSPEND, &payload);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_PMSUSPENDED, PV_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
            return {};
        });
    }
    pv_status pm_wakeup(pv_call* call, const pv_obj* obj, const pv_dom_pm_wakeup_in& in, pv_dom_pm_wakeup_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainPMWakeup"); !flags) return answer(call, flags);
        return step(call, obj, "wake up", [](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (guest.state != PV_DOMAIN_PMSUSPENDED) return invalid("domain is not pmsuspended");
            domains.set_state(guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_WAKEUP);
            pv_event_domain_pmwakeup payload{};
            payload.size = sizeof payload;
            domains.post(guest, PV_EVENT_DOMAIN_PMWAKEUP, &payload);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_WAKEUP);
            return {};
        });
    }
    pv_status inject_nmi(pv_call* call, const pv_obj* obj, const pv_dom_inject_nmi_in& in, pv_dom_inject_nmi_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainInjectNMI"); !flags) return answer(call, flags);
        return step(call, obj, "inject NMI", [](Domains&, Guest&) { return Status(); });
    }
    pv_status send_key(pv_call* call, const pv_obj* obj, const pv_dom_send_key_in& in, pv_dom_send_key_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainSendKey"); !flags) return answer(call, flags);
        for (std::uint32_t i = 0; i < in.nkeycodes; ++i)
            if (in.keycodes[i] > 0xffff)
                return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid keycode: 0x{:x}", in.keycodes[i]));
        return step(call, obj, "send key", [](Domains&, Guest&) { return Status(); });
    }
    // Signals that end things end the guest, if they go to its first process.
    pv_status send_process_signal(pv_call* call, const pv_obj* obj, const pv_dom_send_process_signal_in& in, pv_dom_send_process_signal_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainSendProcessSignal"); !flags) return answer(call, flags);
        if (in.pid_value != 1)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "only sending a signal to pid 1 is supported"));
        if (in.signum >= PV_DOMAIN_PROCESS_SIGNAL_RT32 + 1U)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "signum value {} is out of range", in.signum));
        return step(call, obj, "send signal", [signum = in.signum](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (signum != PV_DOMAIN_PROCESS_SIGNAL_TERM && signum != PV_DOMAIN_PROCESS_SIGNAL_KILL) return {};
            domains.halt(guest, PV_DOMAIN_SHUTOFF_SHUTDOWN, PV_DOMAIN_EVENT_STOPPED_SHUTDOWN);
            return {};
        });
    }
    pv_status set_lifecycle_action(pv_call* call, const pv_obj* obj, const pv_dom_set_lifecycle_action_in& in, pv_dom_set_lifecycle_action_out&) {
        using sdk::domain::LifecycleAction;
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG, "testDomainSetLifecycleAction"); !flags)
            return answer(call, flags);
        constexpr LifecycleAction kActions[] = {LifecycleAction::destroy,  LifecycleAction::restart,          LifecycleAction::rename_restart,
                                                LifecycleAction::preserve, LifecycleAction::coredump_destroy, LifecycleAction::coredump_restart};
        if (in.type > PV_DOMAIN_LIFECYCLE_CRASH || in.action >= std::size(kActions))
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found lifecycle type {} and action {}, expected 0 to {} and 0 to {}", in.type,
                                         in.action, +PV_DOMAIN_LIFECYCLE_CRASH, std::size(kActions) - 1));
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "lifecycle action",
                              [&domains, type = in.type, action = kActions[in.action], flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  return domains.edit(guest, flags, [&](Domain& d) -> Status {
                                      LifecycleAction* const slots[] = {&d.on_poweroff, &d.on_reboot, &d.on_crash};
                                      *slots[type] = action;
                                      return {};
                                  });
                              });
    }

  private:
    using Step = std::function<Status(Domains&, Guest&)>;
    pv_status step(pv_call* call, const pv_obj* obj, const char* what, Step run) {
        Domains& domains = driver_.domains();
        return domains.change(call, obj, what, [&domains, run = std::move(run)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return guest.active() ? run(domains, guest) : Status(not_running());
        });
    }
};

} // namespace

void fill_power(pv_dom_lifecycle& t) {
    t.pm_suspend = op<"domain.pm_suspend", &Power::pm_suspend>;
    t.pm_wakeup = op<"domain.pm_wakeup", &Power::pm_wakeup>;
    t.inject_nmi = op<"domain.inject_nmi", &Power::inject_nmi>;
    t.send_key = op<"domain.send_key", &Power::send_key>;
    t.send_process_signal = op<"domain.send_process_signal", &Power::send_process_signal>;
    t.set_lifecycle_action = op<"domain.set_lifecycle_action", &Power::set_lifecycle_action>;
}

} // namespace polyvirt::test
