// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "metadata/metadata_ops.h"

#include <utility>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

} // namespace

pv_status MetadataOps::set_metadata(pv_call* call, const pv_obj* obj, const pv_dom_set_metadata_in& in, pv_dom_set_metadata_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetMetadata"); !flags) return answer(call, flags);
    sdk::MetadataChange wanted{in.type, text_of(in.metadata), text_of(in.key), text_of(in.uri)};
    return change(call, obj, "set metadata",
                  [this, wanted = std::move(wanted), flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return set(op, guest, wanted, flags);
                  });
}

Part::Task MetadataOps::set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange wanted, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    const auto edit = [&wanted](Domain& d) { return sdk::set_metadata(d, wanted, ErrorDomain::qemu); };
    if (affected.config) PV_CO_TRY(driver_.edit_config(guest, op->call(), edit));
    if (affected.live) {
        Status edited;
        {
            const ObjectLock lock(guest->mu);
            driver_.edit_live(*guest, [&](Domain& d) { edited = edit(d); });
        }
        PV_CO_TRY(edited);
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    pv_event_domain_metadata_change payload{};
    payload.size = sizeof payload;
    payload.type = wanted.type;
    payload.nsuri = wanted.uri.empty() ? nullptr : wanted.uri.c_str();
    const ObjectLock lock(guest->mu);
    driver_.post_event(*guest, PV_EVENT_DOMAIN_METADATA_CHANGE, &payload);
    co_return Status();
}

pv_status MetadataOps::get_metadata(pv_call* call, const pv_obj* obj, const pv_dom_get_metadata_in& in, pv_dom_get_metadata_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainGetMetadata"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const auto affected = affected_by(*guest, in.flags);
    if (!affected) return answer(call, affected.error());
    std::shared_ptr<const Domain> live;
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        if (affected->live) live = guest->live;
        config = guest->config;
    }
    if (!live && !config) return answer(call, no_domain(*guest));
    Result<std::string> text = std::string();
    const std::string uri = text_of(in.uri);
    if (live) {
        text = sdk::get_metadata(*live, in.type, uri, ErrorDomain::qemu);
    } else {
        const auto domain = config->unpack();
        if (!domain) return answer(call, domain.error());
        text = sdk::get_metadata(*domain, in.type, uri, ErrorDomain::qemu);
    }
    if (!text) return answer(call, text.error());
    return give(call, out.metadata, *text);
}

pv_status MetadataOps::rename(pv_call* call, const pv_obj* obj, const pv_dom_rename_in& in, pv_dom_rename_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainRename"); !flags) return answer(call, flags);
    std::string name = text_of(in.new_name);
    if (name.empty() || name.find_first_of("/\n") != std::string::npos)
        return answer(call, make_error(ErrorCode::xml_error, ErrorDomain::domain, "name {} cannot contain '/'", name));
    return change(call, obj, "rename", [this, name = std::move(name)](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return give_name(op, guest, name);
    });
}

Part::Task MetadataOps::give_name(sdk::OperationPtr op, GuestPtr guest, std::string name) {
    co_return driver_.rename_guest(guest, name, op->call());
}

} // namespace polyvirt::qemu
