// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/metadata_ops.h"

#include <utility>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::lxc {
namespace {

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

} // namespace

pv_status MetadataOps::set_metadata(pv_call* call, const pv_obj* obj, const pv_dom_set_metadata_in& in,
                                    pv_dom_set_metadata_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainSetMetadata"); !flags) return answer(call, flags);
    return change(call, obj, "set metadata",
                  [this, wanted = sdk::MetadataChange{in.type, text_of(in.metadata), text_of(in.key), text_of(in.uri)},
                   flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return set(op, guest, wanted, flags);
                  });
}

Part::Task MetadataOps::set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange wanted,
                            std::uint32_t flags) const {
    PV_CO_TRY(edit(op, guest, flags, [&wanted](Domain& d) { return sdk::set_metadata(d, wanted, ErrorDomain::lxc); }));
    pv_event_domain_metadata_change payload{};
    payload.type = wanted.type;
    payload.nsuri = wanted.uri.empty() ? nullptr : wanted.uri.c_str();
    const ObjectLock lock(guest->mu);
    driver_.post_event(*guest, PV_EVENT_DOMAIN_METADATA_CHANGE, payload);
    co_return Status();
}

pv_status MetadataOps::get_metadata(pv_call* call, const pv_obj* obj, const pv_dom_get_metadata_in& in,
                                    pv_dom_get_metadata_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainGetMetadata"); !flags) return answer(call, flags);
    const auto domain = one_of(*guest_of(obj), in.flags);
    if (!domain) return answer(call, domain.error());
    const auto text = sdk::get_metadata(**domain, in.type, text_of(in.uri), ErrorDomain::lxc);
    if (!text) return answer(call, text.error());
    return give(call, out.metadata, *text);
}

pv_status MetadataOps::rename(pv_call* call, const pv_obj* obj, const pv_dom_rename_in& in, pv_dom_rename_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainRename"); !flags) return answer(call, flags);
    std::string name = text_of(in.new_name);
    if (name.empty() || name.find_first_of("/\n") != std::string::npos)
        return answer(call, make_error(ErrorCode::xml_error, ErrorDomain::domain, "name {} cannot contain '/'", name));
    return change(call, obj, "rename",
                  [this, name = std::move(name)](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return give_name(op, guest, name);
                  });
}

Part::Task MetadataOps::give_name(sdk::OperationPtr op, GuestPtr guest, std::string name) const {
    co_return driver_.rename_guest(guest, name, op->call());
}

} // namespace polyvirt::lxc
