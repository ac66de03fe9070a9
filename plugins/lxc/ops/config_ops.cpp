// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/config_ops.h"

#include <utility>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::lxc {
namespace {

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

} // namespace

pv_status ConfigOps::define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in,
                                pv_dom_define_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_DEFINE_VALIDATE, "lxcDomainDefineXMLFlags"); !flags)
        return answer(call, flags);
    const auto domain = driver_.parse(in.xml, (in.flags & PV_DOMAIN_DEFINE_VALIDATE) != 0);
    if (!domain) return answer(call, domain.error());
    return driver_.definitions().define(call, *domain, out);
}

pv_status ConfigOps::undefine(pv_call* call, const pv_obj* obj, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainUndefineFlags"); !flags) return answer(call, flags);
    return change(call, obj, "undefine",
                  [this](const sdk::OperationPtr&, const GuestPtr& guest) { return forget(guest); });
}

ConfigOps::Task ConfigOps::forget(GuestPtr guest) const {
    bool persistent = false;
    {
        const ObjectLock lock(guest->mu);
        persistent = !guest->removed && guest->config != nullptr;
    }
    if (!persistent) co_return invalid("Cannot undefine transient domain");
    PV_CO_TRY(driver_.definitions().erase(guest));
    driver_.definitions().undefined(guest);
    co_return Status();
}

pv_status ConfigOps::xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_xml_desc_in& in,
                              pv_dom_xml_desc_out& out) {
    constexpr std::uint32_t kKnown =
        PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;
    if (const Status flags = check_flags(in.flags, kKnown, "lxcDomainGetXMLDesc"); !flags) return answer(call, flags);
    const auto text = sdk::document_of(*guest_of(obj), in.flags, &sdk::domain::format_domain);
    return text ? give(call, out.xml, *text) : answer(call, text.error());
}

pv_status ConfigOps::os_type(pv_call* call, const pv_obj* obj, const pv_dom_os_type_in&, pv_dom_os_type_out& out) {
    const auto summary = sdk::summary_of(*guest_of(obj));
    return summary ? give(call, out.type, summary->os_type) : answer(call, summary.error());
}

pv_status ConfigOps::set_autostart(pv_call* call, const pv_obj* obj, const pv_dom_set_autostart_in& in,
                                   pv_dom_set_autostart_out&) {
    return change(call, obj, "set autostart",
                  [this, wanted = in.autostart != 0](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return start_with_host(op, guest, wanted);
                  });
}

ConfigOps::Task ConfigOps::start_with_host(sdk::OperationPtr op, GuestPtr guest, bool wanted) const {
    co_return driver_.definitions().set_autostart(guest, wanted, "Cannot set autostart for transient domain", op->call());
}

pv_status ConfigOps::set_metadata(pv_call* call, const pv_obj* obj, const pv_dom_set_metadata_in& in,
                                    pv_dom_set_metadata_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainSetMetadata"); !flags) return answer(call, flags);
    return change(call, obj, "set metadata",
                  [this, wanted = sdk::MetadataChange{in.type, text_of(in.metadata), text_of(in.key), text_of(in.uri)},
                   flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return set(op, guest, wanted, flags);
                  });
}

Part::Task ConfigOps::set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange wanted,
                            std::uint32_t flags) const {
    PV_CO_TRY(edit(op, guest, flags, [&wanted](Domain& d) { return sdk::set_metadata(d, wanted, ErrorDomain::lxc); }));
    pv_event_domain_metadata_change payload{};
    payload.type = wanted.type;
    payload.nsuri = wanted.uri.empty() ? nullptr : wanted.uri.c_str();
    const ObjectLock lock(guest->mu);
    driver_.notices().post(*guest, PV_EVENT_DOMAIN_METADATA_CHANGE, payload);
    co_return Status();
}

pv_status ConfigOps::get_metadata(pv_call* call, const pv_obj* obj, const pv_dom_get_metadata_in& in,
                                    pv_dom_get_metadata_out& out) {
    if (const Status flags = check_flags(in.flags, kAffect, "lxcDomainGetMetadata"); !flags) return answer(call, flags);
    const auto domain = one_of(*guest_of(obj), in.flags);
    if (!domain) return answer(call, domain.error());
    const auto text = sdk::get_metadata(**domain, in.type, text_of(in.uri), ErrorDomain::lxc);
    if (!text) return answer(call, text.error());
    return give(call, out.metadata, *text);
}

pv_status ConfigOps::rename(pv_call* call, const pv_obj* obj, const pv_dom_rename_in& in, pv_dom_rename_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainRename"); !flags) return answer(call, flags);
    std::string name = text_of(in.new_name);
    if (name.empty() || name.find_first_of("/\n") != std::string::npos)
        return answer(call, make_error(ErrorCode::xml_error, ErrorDomain::domain, "name {} cannot contain '/'", name));
    return change(call, obj, "rename",
                  [this, name = std::move(name)](const sdk::OperationPtr& op, const GuestPtr& guest) {
                      return give_name(op, guest, name);
                  });
}

Part::Task ConfigOps::give_name(sdk::OperationPtr op, GuestPtr guest, std::string name) const {
    bool active = false, autostart = false;
    {
        const ObjectLock lock(guest->mu);
        active = guest->active();
        autostart = guest->autostart;
    }
    if (active) co_return invalid("cannot rename active domain");
    if (autostart) co_return invalid("domain has autostart set and cannot be renamed");
    if (name == guest->name) co_return invalid("Can't rename domain to itself");
    PV_CO_ASSIGN_OR_RETURN(Domain domain, driver_.definitions().copy(guest));
    domain.name = name;
    PV_CO_TRY(driver_.definitions().rename(guest, domain, op->call()));
    co_return Status();
}

} // namespace polyvirt::lxc
