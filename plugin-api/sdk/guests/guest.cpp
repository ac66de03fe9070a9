// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/guest.h"

#include <utility>

#include "base/error_text.h"

namespace polyvirt::sdk {

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

Result<std::shared_ptr<const domain::Domain>> one_of(Guest& guest, std::uint32_t flags, bool* live) {
    if ((flags & kAffect) == kAffect)
        return Error{.code = ErrorCode::invalid_arg,
                     .domain = ErrorDomain::domain,
                     .message = "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive"};
    PV_ASSIGN_OR_RETURN(const Affected affected, affected_by(guest, flags & kAffect));
    domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest.mu);
        if (guest.removed) return guest.gone();
        if (affected.live && guest.live) {
            if (live != nullptr) *live = true;
            return guest.live;
        }
        config = guest.config;
    }
    if (!config) return guest.gone();
    PV_ASSIGN_OR_RETURN(domain::Domain domain, config->unpack());
    return std::make_shared<const domain::Domain>(std::move(domain));
}

Result<domain::Summary> summary_of(Guest& guest) {
    std::optional<domain::Summary> summary;
    {
        const ObjectLock lock(guest.mu);
        summary = guest.summary();
    }
    if (!summary) return guest.gone();
    return *std::move(summary);
}

Result<std::string> document_of(Guest& guest, std::uint32_t flags, Format format_live) {
    const bool inactive = (flags & PV_DOMAIN_XML_INACTIVE) != 0;
    std::shared_ptr<const domain::Domain> live;
    domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest.mu);
        config = guest.config;
        live = inactive && config ? nullptr : guest.live;
    }
    if (!live && !config) return guest.gone();
    // What another host is to run has the passwords; the host lets nobody ask for it who may not see them.
    const domain::FormatOptions options{.inactive = inactive || !live,
                                        .secure = (flags & (PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_MIGRATABLE)) != 0,
                                        .migratable = (flags & PV_DOMAIN_XML_MIGRATABLE) != 0};
    if (live) return format_live(*live, options);
    PV_ASSIGN_OR_RETURN(const domain::Domain domain, config->unpack());
    return format_domain(domain, options);
}

pv_obj_desc published_as(std::uint64_t attributes) {
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.reason = PV_DOMAIN_SHUTOFF_UNKNOWN;
    desc.attrs = attributes;
    return desc;
}

pv_status with_job(const plugin::Services& s, const plugin::Loop& loop, const Operation::Options& options,
                   std::shared_ptr<Guest> guest, Operation::Body body) {
    return Operation::start(s, loop, options, [guest = std::move(guest), body = std::move(body)](const OperationPtr& op) {
        bool removed = false;
        {
            const ObjectLock lock(guest->mu);
            removed = guest->removed;
        }
        return removed ? op->finish(guest->gone()) : body(op);
    });
}

} // namespace polyvirt::sdk
