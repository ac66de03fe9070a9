// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.lifecycle: starting, stopping and pausing domains.

#include <utility>

#include "dom_power.h"
#include "domains.h"
#include "jobs.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kCreateFlags = PV_DOMAIN_START_PAUSED | PV_DOMAIN_START_AUTODESTROY | PV_DOMAIN_START_BYPASS_CACHE |
                                       PV_DOMAIN_START_FORCE_BOOT;

class Lifecycle : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj*, const pv_dom_create_xml_in& in, pv_dom_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, kCreateFlags | PV_DOMAIN_START_VALIDATE, "testDomainCreateXML"); !flags)
            return answer(call, flags);
        auto described = driver_.domains().parse(in.xml, (in.flags & PV_DOMAIN_START_VALIDATE) != 0);
        if (!described) return fail(call, described.error());
        auto added = driver_.domains().add(call, *described, false);
        if (!added) return fail(call, added.error());
        {
            const ObjectLock lock(added->object->mu);
            out.obj = added->object->handle;
        }
        const std::uint32_t flags = in.flags;
        return driver_.domains().change(
            call, added->object, "create",
            [&driver = driver_, call, flags, described = *std::move(described)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                if (guest.active()) return invalid(fmt::format("domain is already active as '{}'", guest.name));
                driver.domains().take_faults(guest, described);
                return start(driver, call, guest, described.domain, flags);
            });
    }

    pv_status create(pv_call* call, const pv_obj* obj, const pv_dom_create_in& in, pv_dom_create_out&) {
        if (const Status flags = check_flags(in.flags, kCreateFlags, "testDomainCreateWithFlags"); !flags) return answer(call, flags);
        return driver_.domains().change(call, obj, "start",
                                        [&driver = driver_, call, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                            if (guest.active()) return invalid("Domain is already running");
                                            return start(driver, call, guest, guest.config, flags);
                                        });
    }

    pv_status shutdown(pv_call* call, const pv_obj* obj, const pv_dom_shutdown_in& in, pv_dom_shutdown_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | PV_DOMAIN_SHUTDOWN_GUEST_AGENT |
                                                           PV_DOMAIN_SHUTDOWN_INITCTL | PV_DOMAIN_SHUTDOWN_SIGNAL |
                                                           PV_DOMAIN_SHUTDOWN_PARAVIRT,
                                             "testDomainShutdownFlags");
            !flags)
            return answer(call, flags);
        return when_running(call, obj, "shutdown", [](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) {
            domains.set_state(guest, PV_DOMAIN_SHUTDOWN, PV_DOMAIN_SHUTDOWN_USER);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_SHUTDOWN, PV_DOMAIN_EVENT_SHUTDOWN_FINISHED);
            domains.halt(guest, PV_DOMAIN_SHUTOFF_SHUTDOWN, PV_DOMAIN_EVENT_STOPPED_SHUTDOWN);
            return Status{};
        });
    }

    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_DESTROY_GRACEFUL, "testDomainDestroyFlags"); !flags)
            return answer(call, flags);
        // No job: it must work beside whatever hangs, and ends that.
        const GuestPtr guest = Domains::of(obj);
        {
            const ObjectLock lock(guest->mu);
            if (guest->removed) return fail(call, no_domain(*guest));
            if (!guest->active()) return fail(call, not_running());
            driver_.domains().halt(*guest, PV_DOMAIN_SHUTOFF_DESTROYED, PV_DOMAIN_EVENT_STOPPED_DESTROYED);
        }
        end_job(driver_, guest, 0, make_error(ErrorCode::operation_aborted, ErrorDomain::test, "domain '{}' was destroyed meanwhile", guest->name));
        driver_.domains().drop_if_over(guest);
        return PV_OK;
    }

    pv_status suspend(pv_call* call, const pv_obj* obj, const pv_dom_suspend_in&, pv_dom_suspend_out&) {
        return when_running(call, obj, "suspend", [](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (guest.state == PV_DOMAIN_PMSUSPENDED) return invalid("domain is pmsuspended");
            if (guest.state == PV_DOMAIN_PAUSED) return {};
            domains.set_state(guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_USER);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_PAUSED);
            return {};
        });
    }

    pv_status resume(pv_call* call, const pv_obj* obj, const pv_dom_resume_in&, pv_dom_resume_out&) {
        return when_running(call, obj, "resume", [](Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (guest.state != PV_DOMAIN_PAUSED) return invalid(fmt::format("domain '{}' not paused", guest.name));
            domains.set_state(guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_UNPAUSED);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_UNPAUSED);
            return {};
        });
    }

    pv_status reboot(pv_call* call, const pv_obj* obj, const pv_dom_reboot_in& in, pv_dom_reboot_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_REBOOT_ACPI_POWER_BTN | PV_DOMAIN_REBOOT_GUEST_AGENT |
                                                           PV_DOMAIN_REBOOT_INITCTL | PV_DOMAIN_REBOOT_SIGNAL | PV_DOMAIN_REBOOT_PARAVIRT,
                                             "testDomainReboot");
            !flags)
            return answer(call, flags);
        return when_running(call, obj, "reboot", &begin_again);
    }
    pv_status reset(pv_call* call, const pv_obj* obj, const pv_dom_reset_in& in, pv_dom_reset_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainReset"); !flags) return answer(call, flags);
        return when_running(call, obj, "reset", &begin_again);
    }

  private:
    using Step = std::function<Status(Domains&, Guest&)>;

    pv_status when_running(pv_call* call, const pv_obj* obj, const char* what, Step step) {
        Domains& domains = driver_.domains();
        return domains.change(call, obj, what, [&domains, step = std::move(step)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.active()) return not_running();
            return step(domains, guest);
        });
    }

    static Status start(Driver& driver, pv_call* call, Guest& guest, const DocumentPtr& document, std::uint32_t flags)
        PV_REQUIRES(guest.mu) {
        const bool restore = guest.saved && (flags & PV_DOMAIN_START_FORCE_BOOT) == 0;
        const bool paused = (flags & PV_DOMAIN_START_PAUSED) != 0 || (restore && guest.saved_paused);
        const DocumentPtr begun = restore ? guest.saved : document;
        guest.saved = nullptr;
        std::int32_t reason = restore ? PV_DOMAIN_RUNNING_RESTORED : PV_DOMAIN_RUNNING_BOOTED;
        if (paused) reason = PV_DOMAIN_PAUSED_USER;
        driver.domains().boot(guest, begun, paused ? PV_DOMAIN_PAUSED : PV_DOMAIN_RUNNING, reason,
                              restore ? PV_DOMAIN_EVENT_STARTED_RESTORED : PV_DOMAIN_EVENT_STARTED_BOOTED);
        if ((flags & PV_DOMAIN_START_AUTODESTROY) == 0) return {};
        const plugin::Services& s = driver.services();
        guest.autodestroy = s.call->client(call);
        if (s.client->on_close(s.host, guest.autodestroy, kAutodestroy, guest.handle) == PV_GONE)
            driver.domains().halt(guest, PV_DOMAIN_SHUTOFF_DESTROYED, PV_DOMAIN_EVENT_STOPPED_DESTROYED);
        return {};
    }

    static Status begin_again(Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) {
        domains.post(guest, PV_EVENT_DOMAIN_REBOOT, nullptr);
        domains.set_state(guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_BOOTED);
        return {};
    }
};

} // namespace

const void* dom_lifecycle_table() {
    static const auto table = make_table<pv_dom_lifecycle>([](auto& t) {
        t.create_xml = op<"domain.create_xml", &Lifecycle::create_xml>;
        t.create = op<"domain.create", &Lifecycle::create>;
        t.shutdown = op<"domain.shutdown", &Lifecycle::shutdown>;
        t.reboot = op<"domain.reboot", &Lifecycle::reboot>;
        t.reset = op<"domain.reset", &Lifecycle::reset>;
        t.destroy = op<"domain.destroy", &Lifecycle::destroy>;
        t.suspend = op<"domain.suspend", &Lifecycle::suspend>;
        t.resume = op<"domain.resume", &Lifecycle::resume>;
        fill_power(t);
    });
    return &table;
}

} // namespace polyvirt::test
