// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/lifecycle_ops.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <polyvirt/call.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "container/container.h"
#include "driver.h"
#include "sdk/domain/passes.h"

namespace polyvirt::lxc {

void Driver::start_defined(const sdk::OperationPtr& op, const GuestPtr& guest, StartOptions options) {
    sdk::domain::PackedDomainPtr config;
    bool active = false;
    {
        const ObjectLock lock(guest->mu);
        config = guest->config;
        active = guest->active();
    }
    if (active) return op->finish(invalid("Domain is already running"));
    if (!config) return op->finish(guest->gone());
    auto description = config->unpack();
    if (!description) return op->finish(description.error());
    start_guest(op, guest, *std::move(description), options);
}

// On the guest's strand, so that what an earlier run leaves is cleared away.
void Driver::start_guest(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, StartOptions options) {
    const std::int32_t id = next_id();
    description.id = id;
    assign_aliases(description);
    const auto container = std::make_shared<Container>(*this, guest, id);
    const auto live = std::make_shared<const Domain>(std::move(description));
    Status refused;
    bool client_gone = false;
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed) {
            refused = guest->gone();
        } else if (guest->active()) {
            refused = invalid("Domain is already running");
        } else {
            guest->live = live;
            guest->container = container;
            guest->id = id;
            guest->updated = false;
            set_state(*guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_STARTING_UP);
            if (options.autodestroy && op->call() != nullptr) {
                guest->autodestroy = s_.call->client(op->call());
                client_gone = s_.client->on_close(s_.host, guest->autodestroy, kAutodestroy, guest->handle) == PV_GONE;
            }
        }
    }
    if (!refused) return op->finish(refused);
    if (client_gone) container->destroy([](const Status&) {});
    const auto launch = [container, op, live] { container->launch(op, *live); };
    if (!plugin::submit(s_, guest->strand, launch)) launch();
}

pv_status LifecycleOps::create(pv_call* call, const pv_obj* obj, const pv_dom_create_in& in, pv_dom_create_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_START_AUTODESTROY, "lxcDomainCreateWithFiles"); !flags)
        return answer(call, flags);
    if (in.nfds != 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::lxc,
                                       "files cannot be passed to containers yet"));
    const bool autodestroy = (in.flags & PV_DOMAIN_START_AUTODESTROY) != 0;
    const GuestPtr guest = guest_of(obj);
    return sdk::with_job(s_, jobs_, {.call = call, .object = obj->handle, .what = "start"}, guest,
                         [this, guest, autodestroy](const sdk::OperationPtr& op) {
                             driver_.start_defined(op, guest, {.autodestroy = autodestroy});
                         });
}

pv_status LifecycleOps::create_xml(pv_call* call, const pv_obj*, const pv_dom_create_xml_in& in,
                                   pv_dom_create_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_START_AUTODESTROY | PV_DOMAIN_START_VALIDATE,
                                         "lxcDomainCreateXMLWithFiles");
        !flags)
        return answer(call, flags);
    if (in.nfds != 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::lxc,
                                       "files cannot be passed to containers yet"));
    const auto description = driver_.parse(in.xml, (in.flags & PV_DOMAIN_START_VALIDATE) != 0);
    if (!description) return answer(call, description.error());
    const auto start = [this, live = std::make_shared<const Domain>(*description),
                        autodestroy = (in.flags & PV_DOMAIN_START_AUTODESTROY) != 0](
                           const sdk::OperationPtr& op, const GuestPtr& guest) {
        driver_.start_guest(op, guest, *live, {.autodestroy = autodestroy});
    };
    return driver_.definitions().create(call, *description->uuid, description->name, start, out);
}

// No job: it must work beside whatever hangs, and ends that.
pv_status LifecycleOps::destroy(pv_call* call, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainDestroyFlags"); !flags) return answer(call, flags);
    const auto container = container_of(*guest_of(obj));
    if (!container) return answer(call, container.error());
    (*container)->destroy([this, call](const Status& status) { s_.call->complete(call, answer(call, status)); });
    return PV_PENDING;
}

pv_status LifecycleOps::shutdown(pv_call* call, const pv_obj* obj, const pv_dom_shutdown_in& in, pv_dom_shutdown_out&) {
    constexpr std::uint32_t kInitctl = PV_DOMAIN_SHUTDOWN_INITCTL, kSignal = PV_DOMAIN_SHUTDOWN_SIGNAL;
    if (const Status flags = check_flags(in.flags, kInitctl | kSignal, "lxcDomainShutdownFlags"); !flags)
        return answer(call, flags);
    return ask_init(call, obj, "shutdown",
                    {in.flags == 0 || (in.flags & kInitctl) != 0, in.flags == 0 || (in.flags & kSignal) != 0});
}

pv_status LifecycleOps::reboot(pv_call* call, const pv_obj* obj, const pv_dom_reboot_in& in, pv_dom_reboot_out&) {
    constexpr std::uint32_t kInitctl = PV_DOMAIN_REBOOT_INITCTL, kSignal = PV_DOMAIN_REBOOT_SIGNAL;
    if (const Status flags = check_flags(in.flags, kInitctl | kSignal, "lxcDomainReboot"); !flags)
        return answer(call, flags);
    return ask_init(call, obj, "reboot",
                    {in.flags == 0 || (in.flags & kInitctl) != 0, in.flags == 0 || (in.flags & kSignal) != 0});
}

pv_status LifecycleOps::ask_init(pv_call* call, const pv_obj* obj, const char* what, Ways ways) const {
    return change(call, obj, what, [this, what, ways](const sdk::OperationPtr&, const GuestPtr& guest) {
        return power(guest, what, ways);
    });
}

LifecycleOps::Task LifecycleOps::power(GuestPtr guest, const char* what, Ways ways) const {
    PV_CO_ASSIGN_OR_RETURN(const ContainerPtr container, container_of(*guest));
    Container::Json request = {{"do", what}, {"initctl", ways.initctl}, {"signal", ways.signal}};
    co_return co_await container->ask(std::move(request));
}

pv_status LifecycleOps::suspend(pv_call* call, const pv_obj* obj, const pv_dom_suspend_in&, pv_dom_suspend_out&) {
    return change(call, obj, "suspend",
                  [this](const sdk::OperationPtr&, const GuestPtr& guest) { return freeze(guest); });
}

pv_status LifecycleOps::resume(pv_call* call, const pv_obj* obj, const pv_dom_resume_in&, pv_dom_resume_out&) {
    return change(call, obj, "resume", [this](const sdk::OperationPtr&, const GuestPtr& guest) { return thaw(guest); });
}

LifecycleOps::Task LifecycleOps::freeze(GuestPtr guest) const {
    PV_CO_ASSIGN_OR_RETURN(const ContainerPtr container, container_of(*guest));
    bool paused = false;
    {
        const ObjectLock lock(guest->mu);
        paused = guest->state == PV_DOMAIN_PAUSED;
    }
    if (paused) co_return Status();
    Container::Json request = {{"do", "freeze"}};
    PV_CO_TRY(co_await container->ask(std::move(request)));
    co_return co_await show_paused(guest, true);
}

LifecycleOps::Task LifecycleOps::thaw(GuestPtr guest) const {
    PV_CO_ASSIGN_OR_RETURN(const ContainerPtr container, container_of(*guest));
    bool paused = false;
    {
        const ObjectLock lock(guest->mu);
        paused = guest->state == PV_DOMAIN_PAUSED;
    }
    if (!paused) co_return invalid("domain is already running");
    Container::Json request = {{"do", "thaw"}};
    PV_CO_TRY(co_await container->ask(std::move(request)));
    co_return co_await show_paused(guest, false);
}

LifecycleOps::Task LifecycleOps::show_paused(GuestPtr guest, bool paused) const {
    bool gone = false;
    {
        const ObjectLock lock(guest->mu);
        gone = !guest->active();
        if (!gone && paused) {
            driver_.set_state(*guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_USER);
            driver_.notices().lifecycle(*guest, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_PAUSED);
        } else if (!gone) {
            driver_.set_state(*guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_UNPAUSED);
            driver_.notices().lifecycle(*guest, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_UNPAUSED);
        }
    }
    if (gone) co_return invalid("domain is not running");
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    co_return driver_.save_status(guest, nullptr);
}

// Only to the init: numbers of other processes are the container's own, and would have to be looked up in it.
pv_status LifecycleOps::send_process_signal(pv_call* call, const pv_obj* obj, const pv_dom_send_process_signal_in& in,
                                            pv_dom_send_process_signal_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainSendProcessSignal"); !flags) return answer(call, flags);
    if (in.pid_value != 1)
        return answer(
            call, make_error(ErrorCode::argument_unsupported, ErrorDomain::lxc, "Only the init process may be killed"));
    if (in.signum >= static_cast<std::uint32_t>(SIGRTMAX))
        return answer(
            call, make_error(ErrorCode::invalid_arg, ErrorDomain::lxc, "signum value {} is out of range", in.signum));
    const auto container = container_of(*guest_of(obj));
    if (!container) return answer(call, container.error());
    const std::int64_t init = (*container)->init();
    if (init <= 0)
        return answer(call,
                      make_error(ErrorCode::operation_invalid, ErrorDomain::lxc, "Init process ID is not yet known"));
    if (::kill(static_cast<pid_t>(init), static_cast<int>(in.signum)) != 0)
        return answer(call, make_system_error(errno, ErrorDomain::lxc,
                                              fmt::format("Unable to send {} signal to process {}", in.signum, init)));
    return PV_OK;
}

} // namespace polyvirt::lxc
