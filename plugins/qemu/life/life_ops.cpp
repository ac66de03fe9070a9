// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "life/life_ops.h"

#include <cerrno>
#include <iterator>
#include <optional>

#include <fcntl.h>

#include "agent/agent.h"
#include "base/error_text.h"
#include "driver.h"
#include "life/actions.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::LifecycleAction;

constexpr LifecycleAction kActions[] = {LifecycleAction::destroy,  LifecycleAction::restart,          LifecycleAction::rename_restart,
                                        LifecycleAction::preserve, LifecycleAction::coredump_destroy, LifecycleAction::coredump_restart};

void set_slot(Domain& domain, std::uint32_t type, std::uint32_t action) {
    LifecycleAction* const slots[] = {&domain.on_poweroff, &domain.on_reboot, &domain.on_crash};
    *slots[type] = kActions[action];
}

} // namespace

// Without the guest's job: its agent may never answer.
pv_status LifeOps::pm_suspend(pv_call* call, const pv_obj* obj, const pv_dom_pm_suspend_in& in, pv_dom_pm_suspend_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainPMSuspendForDuration"); !flags) return answer(call, flags);
    if (in.duration != 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "Duration not supported. Use 0 for now"));
    if (in.sleep < 0 || in.sleep > PV_NODE_SUSPEND_TARGET_HYBRID)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "Unknown suspend target: {}", in.sleep));
    return without_job(call, obj, [this, target = in.sleep](const sdk::OperationPtr&, const GuestPtr& guest) { return fall_asleep(guest, target); });
}

Part::Task LifeOps::fall_asleep(GuestPtr guest, std::int32_t target) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    using sdk::domain::YesNo;
    bool no_s3 = false, no_s4 = false;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live || guest->state != PV_DOMAIN_RUNNING)
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        no_s3 = guest->live->suspend_to_mem == YesNo::no;
        no_s4 = guest->live->suspend_to_disk == YesNo::no;
    }
    const bool disk = target == PV_NODE_SUSPEND_TARGET_DISK, memory = target == PV_NODE_SUSPEND_TARGET_MEM;
    if (!disk && no_s3) co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "S3 state is disabled for this domain");
    if (!memory && no_s4) co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "S4 state is disabled for this domain");
    const AgentPower power = disk ? AgentPower::suspend_disk : memory ? AgentPower::suspend_ram : AgentPower::suspend_hybrid;
    co_return co_await agent_power(run, power);
}

pv_status LifeOps::pm_wakeup(pv_call* call, const pv_obj* obj, const pv_dom_pm_wakeup_in& in, pv_dom_pm_wakeup_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainPMWakeup"); !flags) return answer(call, flags);
    return change(call, obj, "wake up", [this](const sdk::OperationPtr& op, const GuestPtr& guest) { return wake_up(op, guest); });
}

Part::Task LifeOps::wake_up(sdk::OperationPtr, GuestPtr guest) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    const auto woken = co_await run->qmp("system_wakeup");
    PV_CO_TRY(woken);
    co_return co_await driver_.saved(guest);
}

pv_status LifeOps::fd_associate(pv_call* call, const pv_obj* obj, const pv_dom_fd_associate_in& in, pv_dom_fd_associate_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_FD_ASSOCIATE_SECLABEL_RESTORE | PV_DOMAIN_FD_ASSOCIATE_SECLABEL_WRITABLE,
                                         "qemuDomainFDAssociate");
        !flags)
        return answer(call, flags);
    if (in.name == nullptr || *in.name == 0 || in.nfds == 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "a group of descriptors has a name and at least one descriptor"));
    Guest::FdGroup group{s_.call->client(call), {}};
    for (std::uint32_t i = 0; i < in.nfds; ++i) {
        UniqueFd copy(::fcntl(in.fds[i], F_DUPFD_CLOEXEC, 3));
        if (!copy) return answer(call, make_system_error(errno, ErrorDomain::qemu, "cannot keep a descriptor"));
        group.fds.push_back(std::move(copy));
    }
    const GuestPtr guest = guest_of(obj);
    const ObjectLock lock(guest->mu);
    if (s_.client->on_close(s_.host, group.client, kFdGroups, guest->handle) == PV_GONE) return PV_OK;
    guest->fd_groups[in.name] = std::move(group);
    return PV_OK;
}

pv_status LifeOps::set_lifecycle_action(pv_call* call, const pv_obj* obj, const pv_dom_set_lifecycle_action_in& in,
                                        pv_dom_set_lifecycle_action_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG, "qemuDomainSetLifecycleAction"); !flags)
        return answer(call, flags);
    if (in.type > PV_DOMAIN_LIFECYCLE_CRASH || in.action >= std::size(kActions))
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu,
                                       "found lifecycle type {} and action {}, expected 0 to {} and 0 to {}", in.type, in.action,
                                       +PV_DOMAIN_LIFECYCLE_CRASH, std::size(kActions) - 1));
    return change(call, obj, "set lifecycle action",
                  [this, in](const sdk::OperationPtr& op, const GuestPtr& guest) { return set_action(op, guest, in); });
}

Part::Task LifeOps::set_action(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_lifecycle_action_in in) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, in.flags));
    std::optional<Domain> config;
    if (affected.config) {
        const auto edit = [&in](Domain& d) -> Status {
            set_slot(d, in.type, in.action);
            return {};
        };
        PV_CO_ASSIGN_OR_RETURN(config, driver_.edited_config(guest, edit));
    }
    if (affected.live) {
        PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
        Domain live;
        {
            const ObjectLock lock(guest->mu);
            if (!guest->live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
            live = *guest->live;
        }
        set_slot(live, in.type, in.action);
        PV_CO_TRY(check_actions(live));
        if (in.type == PV_DOMAIN_LIFECYCLE_REBOOT) {
            // A guest that reboots and should be ended instead powers off.
            Json arguments = {{"reboot", live.on_reboot == LifecycleAction::destroy ? "shutdown" : "reset"}};
            const auto told = co_await run->qmp("set-action", std::move(arguments));
            PV_CO_TRY(told);
        }
        {
            const ObjectLock lock(guest->mu);
            driver_.edit_live(*guest, [&in](Domain& d) { set_slot(d, in.type, in.action); });
        }
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    co_return Status();
}

} // namespace polyvirt::qemu
