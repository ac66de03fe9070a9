// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "part.h"

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"

namespace polyvirt::qemu {

Part::Part(Driver& driver) : driver_(driver), s_(driver.services()) {}

pv_status Part::with_job(pv_call* call, const pv_obj* obj, std::uint32_t job_class, const char* what, Body body) const {
    return with_job(call, guest_of(obj), job_class, what, std::move(body));
}

pv_status Part::with_job(pv_call* call, const GuestPtr& guest, std::uint32_t job_class, const char* what, Body body) const {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
    }
    return sdk::Operation::start(s_, driver_.shared_loop(), {.call = call, .object = handle, .job_class = job_class, .what = what},
                                 [guest, body = std::move(body)](const sdk::OperationPtr& op) {
                                     bool removed = false;
                                     {
                                         const ObjectLock lock(guest->mu);
                                         removed = guest->removed;
                                     }
                                     if (removed) return op->finish(no_domain(*guest));
                                     sdk::start(body(op, guest), [op](const Status& outcome) { op->finish(outcome); });
                                 });
}

pv_status Part::without_job(pv_call* call, const pv_obj* obj, Body body) const {
    const GuestPtr guest = guest_of(obj);
    const auto run = run_of(*guest);
    if (!run) return answer(call, run.error());
    const auto go = [&s = s_, call, guest, body = std::move(body)] {
        sdk::start(body(nullptr, guest), [&s, call](const Status& outcome) { s.call->complete(call, plugin::answer(s, call, outcome)); });
    };
    if ((*run)->ready()) {
        go();
        return PV_PENDING;
    }
    // Its start, or the way back to it, holds the job.
    return sdk::Operation::start(s_, driver_.shared_loop(), {.call = call, .object = obj->handle, .job_class = PV_JOB_QUERY, .what = "ask the guest"},
                                 [&s = s_, call, go](const sdk::OperationPtr& op) {
                                     static_cast<void>(op->give_up());
                                     try {
                                         go();
                                     } catch (...) { // nothing has begun, and `op` ends no call any more
                                         s.call->complete(call, plugin::fail(s, call, plugin::detail::caught()));
                                     }
                                 });
}

pv_status Part::answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }

Status Part::check_flags(std::uint32_t flags, std::uint32_t known, const char* function) {
    if ((flags & ~known) == 0) return {};
    // In words of its own, without those of its code.
    return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::qemu,
                 .message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, function)};
}

pv_status Part::give(pv_call* call, pv_sink* sink, std::string_view text) const {
    if (plugin::write(s_, sink, text)) return PV_OK;
    return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "an answer of {} bytes is more than a reply can carry", text.size()));
}

GuestPtr Part::guest_of(const pv_obj* obj) { return Driver::guest_of(obj); }

Result<RunPtr> Part::run_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    return guest.run;
}

Result<Affected> affected_by(Guest& guest, std::uint32_t flags) {
    const ObjectLock lock(guest.mu);
    Affected a{.live = (flags & PV_DOMAIN_AFFECT_LIVE) != 0, .config = (flags & PV_DOMAIN_AFFECT_CONFIG) != 0};
    if (!a.live && !a.config) (guest.active() ? a.live : a.config) = true;
    if (a.live && !guest.active())
        return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    if (a.config && !guest.config)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::domain,
                          "transient domains do not have any persistent config");
    return a;
}

Result<std::shared_ptr<const Domain>> one_of(Guest& guest, std::uint32_t flags, bool* live) {
    constexpr std::uint32_t kBoth = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;
    if ((flags & kBoth) == kBoth)
        return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                     .message = "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive"};
    PV_ASSIGN_OR_RETURN(const Affected affected, affected_by(guest, flags & kBoth));
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest.mu);
        if (guest.removed) return no_domain(guest);
        if (affected.live && guest.live) {
            if (live != nullptr) *live = true;
            return guest.live;
        }
        config = guest.config;
    }
    if (!config) return no_domain(guest);
    PV_ASSIGN_OR_RETURN(Domain domain, config->unpack());
    return std::make_shared<const Domain>(std::move(domain));
}

} // namespace polyvirt::qemu
