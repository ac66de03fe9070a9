// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/part.h"

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::lxc {

Part::Part(Driver& driver) : driver_(driver), s_(driver.services()) {}

pv_status Part::change(pv_call* call, const pv_obj* obj, const char* what, const Body& body) const {
    return driver_.with_job(call, obj, what, [body](const sdk::OperationPtr& op, const GuestPtr& guest) {
        sdk::start(body(op, guest), [op](const Status& outcome) { op->finish(outcome); });
    });
}

pv_status Part::answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }

pv_status Part::give(pv_call* call, pv_sink* sink, std::string_view text) const {
    return driver_.give(call, sink, text);
}

GuestPtr Part::guest_of(const pv_obj* obj) { return Driver::guest_of(obj); }

Result<ContainerPtr> Part::container_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.container) return invalid("domain is not running");
    return guest.container;
}

Result<Part::Running> Part::running(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.live || !guest.container) return invalid("domain is not running");
    return Running{guest.live, guest.container};
}

Result<Affected> Part::affected_by(Guest& guest, std::uint32_t flags) {
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

Result<std::shared_ptr<const Domain>> Part::one_of(Guest& guest, std::uint32_t flags, bool* live) {
    constexpr std::uint32_t kBoth = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;
    if ((flags & kBoth) == kBoth)
        return Error{.code = ErrorCode::invalid_arg,
                     .domain = ErrorDomain::domain,
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

Status Part::edit(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags, const Edit& edit,
                  const std::function<Status(const Running&)>& apply) const {
    PV_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    if (affected.live) { // what the kernel or the document refuses leaves both as they were
        PV_ASSIGN_OR_RETURN(const Running now, running(*guest));
        Domain copy = *now.live;
        PV_TRY(edit(copy));
        if (apply) PV_TRY(apply(Running{std::make_shared<const Domain>(std::move(copy)), now.container}));
    }
    if (affected.config) PV_TRY(driver_.edit_config(guest, op->call(), edit));
    return affected.live ? driver_.edit_live(guest, edit) : Status();
}

} // namespace polyvirt::lxc
