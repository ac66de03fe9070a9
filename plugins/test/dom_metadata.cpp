// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "dom_metadata.h"

#include <utility>

#include "domains.h"
#include "op.h"
#include "sdk/metadata.h"

namespace polyvirt::test {
namespace {

class Metadata : public Ops {
  public:
    using Ops::Ops;

    pv_status set_metadata(pv_call* call, const pv_obj* obj, const pv_dom_set_metadata_in& in, pv_dom_set_metadata_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetMetadata"); !flags) return answer(call, flags);
        const auto text = [](const char* t) { return std::string(t != nullptr ? t : ""); };
        return driver_.domains().change(
            call, obj, "set metadata",
            [&domains = driver_.domains(), flags = in.flags,
             change = sdk::MetadataChange{in.type, text(in.metadata), text(in.key), text(in.uri)}](
                Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                PV_TRY(domains.edit(guest, flags, [&](Domain& d) { return sdk::set_metadata(d, change, ErrorDomain::test); }));
                pv_event_domain_metadata_change payload{};
                payload.size = sizeof payload;
                payload.type = change.type;
                payload.nsuri = change.uri.empty() ? nullptr : change.uri.c_str();
                domains.post(guest, PV_EVENT_DOMAIN_METADATA_CHANGE, &payload);
                return {};
            });
    }

    pv_status get_metadata(pv_call* call, const pv_obj* obj, const pv_dom_get_metadata_in& in, pv_dom_get_metadata_out& out) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainGetMetadata"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, in.flags);
        }
        if (!document) return fail(call, document.error());
        const auto text = sdk::get_metadata(**document, in.type, in.uri != nullptr ? in.uri : "", ErrorDomain::test);
        if (!text) return fail(call, text.error());
        return put(out.metadata, *text);
    }

    pv_status rename(pv_call* call, const pv_obj* obj, const pv_dom_rename_in& in, pv_dom_rename_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainRename"); !flags) return answer(call, flags);
        const std::string name = in.new_name != nullptr ? in.new_name : "";
        if (name.empty() || name.find('/') != std::string::npos)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found name '{}', expected one without '/'", name));
        return driver_.domains().rename(call, Domains::of(obj), name);
    }
};

} // namespace

void fill_metadata(pv_dom_config& t) {
    t.set_metadata = op<"domain.set_metadata", &Metadata::set_metadata>;
    t.get_metadata = op<"domain.get_metadata", &Metadata::get_metadata>;
    t.rename = op<"domain.rename", &Metadata::rename>;
}

} // namespace polyvirt::test
