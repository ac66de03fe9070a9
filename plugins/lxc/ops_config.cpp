// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.config: the persistent description of domains.

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/domain/notes.h"

namespace polyvirt::lxc {

// What a define brings: as it is written, and as it is held.
struct Driver::Definition {
    Uuid uuid;
    std::string name;
    std::string text;
    sdk::domain::PackedDomainPtr packed;
};

pv_status Driver::define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in, pv_dom_define_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_DEFINE_VALIDATE, "lxcDomainDefineXMLFlags"); !flags)
        return answer(call, flags);
    const auto domain = parse(in.xml, (in.flags & PV_DOMAIN_DEFINE_VALIDATE) != 0);
    if (!domain) return answer(call, domain.error());
    std::string text =
        sdk::domain::with_notes(format_domain(*domain, {.inactive = true, .secure = true}), domain->notes);
    auto packed = sdk::domain::PackedDomain::pack(*domain, text);
    if (!packed) return answer(call, packed.error());
    return define_config(call,
                         std::make_shared<const Definition>(
                             Definition{*domain->uuid, domain->name, std::move(text), *std::move(packed)}),
                         out);
}

pv_status Driver::define_config(pv_call* call, const std::shared_ptr<const Definition>& definition,
                                pv_dom_define_xml_out& out) {
    auto guest = std::make_shared<Guest>(definition->uuid, definition->name);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.reason = PV_DOMAIN_SHUTOFF_UNKNOWN;
    desc.attrs = PV_ATTR_PERSISTENT;
    auto added = guests_.add(guest, call, desc);
    if (!added) return answer(call, added.error());
    guest = added->object;
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
        // Visible from here on, so it must be something that can be shown.
        if (added->fresh) guest->config = definition->packed;
    }
    out.obj = handle;
    return sdk::Operation::start(
        s_, loop_, {.call = call, .object = handle, .what = "define"},
        [this, guest, definition, fresh = added->fresh, result = &out](const sdk::OperationPtr& op) {
            finish_define(op, guest, definition, fresh, *result);
        });
}

void Driver::finish_define(const sdk::OperationPtr& op, const GuestPtr& guest,
                           const std::shared_ptr<const Definition>& definition, bool fresh,
                           pv_dom_define_xml_out& out) {
    bool removed = false;
    {
        const ObjectLock lock(guest->mu);
        removed = guest->removed;
    }
    if (removed) { // while this waited for its turn; so it is made anew
        pv_call* const call = op->give_up();
        const pv_status status = define_config(call, definition, out);
        if (status != PV_PENDING) s_.call->complete(call, status);
        return;
    }
    const Status written = configs_.put(config_record(guest->name), definition->text, op->call());
    if (!written) {
        bool drop = false;
        if (fresh) {
            const ObjectLock lock(guest->mu);
            guest->config = nullptr; // if somebody has started it already, it goes on as a transient one
            drop = !guest->active();
            show(*guest);
        }
        if (drop) guests_.remove(*guest);
        return op->finish(written);
    }
    {
        const ObjectLock lock(guest->mu);
        const bool was_persistent = !fresh && guest->config != nullptr;
        guest->config = definition->packed;
        guest->updated = guest->active();
        show(*guest);
        post_lifecycle(*guest, PV_DOMAIN_EVENT_DEFINED,
                       was_persistent ? PV_DOMAIN_EVENT_DEFINED_UPDATED : PV_DOMAIN_EVENT_DEFINED_ADDED);
    }
    op->finish({});
}

Status Driver::put_config(const GuestPtr& guest, const Domain& domain, pv_call* call) {
    const std::string text =
        sdk::domain::with_notes(format_domain(domain, {.inactive = true, .secure = true}), domain.notes);
    PV_ASSIGN_OR_RETURN(const sdk::domain::PackedDomainPtr packed, sdk::domain::PackedDomain::pack(domain, text));
    PV_TRY(configs_.put(config_record(guest->name), text, call));
    const ObjectLock lock(guest->mu);
    guest->config = packed;
    guest->updated = guest->active();
    show(*guest);
    return {};
}

pv_status Driver::undefine(pv_call* call, const pv_obj* obj, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainUndefineFlags"); !flags) return answer(call, flags);
    return with_job(call, obj, "undefine",
                    [this](const sdk::OperationPtr& op, const GuestPtr& guest) { finish_undefine(op, guest); });
}

void Driver::finish_undefine(const sdk::OperationPtr& op, const GuestPtr& guest) {
    bool persistent = false;
    {
        const ObjectLock lock(guest->mu);
        persistent = !guest->removed && guest->config != nullptr;
    }
    if (!persistent) return op->finish(invalid("Cannot undefine transient domain"));
    if (const Status gone = configs_.remove(autostart_record(guest->name)); !gone) return op->finish(gone);
    if (const Status gone = configs_.remove(config_record(guest->name)); !gone) return op->finish(gone);
    bool remove = false;
    {
        const ObjectLock lock(guest->mu);
        guest->config = nullptr;
        guest->autostart = false;
        guest->updated = false;
        remove = !guest->active();
        show(*guest);
        post_lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_REMOVED);
    }
    // A running one goes on without a description to come back to, and is removed at its end.
    if (remove) guests_.remove(*guest);
    op->finish({});
}

pv_status Driver::xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
    constexpr std::uint32_t kKnown =
        PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;
    if (const Status flags = check_flags(in.flags, kKnown, "lxcDomainGetXMLDesc"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const bool inactive = (in.flags & PV_DOMAIN_XML_INACTIVE) != 0;
    std::shared_ptr<const Domain> live;
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        config = guest->config;
        live = inactive && config ? nullptr : guest->live;
    }
    if (!live && !config) return answer(call, no_domain(*guest));
    const sdk::domain::FormatOptions options{.inactive = inactive || !live,
                                             .secure = (in.flags & PV_DOMAIN_XML_SECURE) != 0,
                                             .migratable = (in.flags & PV_DOMAIN_XML_MIGRATABLE) != 0};
    if (live) return give(call, out.xml, format_domain(*live, options));
    const auto domain = config->unpack();
    if (!domain) return answer(call, domain.error());
    return give(call, out.xml, format_domain(*domain, options));
}

pv_status Driver::os_type(pv_call* call, const pv_obj* obj, const pv_dom_os_type_in&, pv_dom_os_type_out& out) {
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
    }
    if (!summary) return answer(call, no_domain(*guest));
    return give(call, out.type, summary->os_type);
}

pv_status Driver::set_autostart(pv_call* call, const pv_obj* obj, const pv_dom_set_autostart_in& in,
                                pv_dom_set_autostart_out&) {
    return with_job(call, obj, "set autostart",
                    [this, wanted = in.autostart != 0](const sdk::OperationPtr& op, const GuestPtr& guest) {
                        bool persistent = false;
                        {
                            const ObjectLock lock(guest->mu);
                            persistent = guest->config != nullptr;
                        }
                        if (!persistent) return op->finish(invalid("Cannot set autostart for transient domain"));
                        const Status saved = wanted ? configs_.put(autostart_record(guest->name),
                                                                   guest->uuid.to_string() + "\n", op->call())
                                                    : configs_.remove(autostart_record(guest->name));
                        if (!saved) return op->finish(saved);
                        {
                            const ObjectLock lock(guest->mu);
                            guest->autostart = wanted;
                            show(*guest);
                        }
                        op->finish({});
                    });
}

// The new name is on disk before the old one goes; a daemon that dies in between finds two records of one uuid, and
// sets the second aside by name.
Status Driver::rename_guest(const GuestPtr& guest, const std::string& name, pv_call* call) {
    sdk::domain::PackedDomainPtr config;
    bool active = false, autostart = false;
    {
        const ObjectLock lock(guest->mu);
        config = guest->config;
        active = guest->active();
        autostart = guest->autostart;
    }
    if (active) return invalid("cannot rename active domain");
    if (autostart) return invalid("domain has autostart set and cannot be renamed");
    if (!config) return invalid("cannot rename a transient domain");
    if (name == guest->name) return invalid("Can't rename domain to itself");
    for (const GuestPtr& other : guests_.all())
        if (other->name == name) return invalid(fmt::format("domain with name '{}' already exists", name));
    PV_ASSIGN_OR_RETURN(Domain domain, config->unpack());
    domain.name = name;
    const std::string text =
        sdk::domain::with_notes(format_domain(domain, {.inactive = true, .secure = true}), domain.notes);
    PV_ASSIGN_OR_RETURN(const sdk::domain::PackedDomainPtr packed, sdk::domain::PackedDomain::pack(domain, text));
    PV_TRY(configs_.put(config_record(name), text, call));
    PV_TRY(configs_.remove(config_record(guest->name)));
    {
        const ObjectLock lock(guest->mu);
        post_lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_RENAMED);
    }
    guests_.remove(*guest);
    const auto renamed = std::make_shared<Guest>(guest->uuid, name);
    {
        const ObjectLock lock(renamed->mu);
        renamed->config = packed;
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.attrs = PV_ATTR_PERSISTENT;
    PV_ASSIGN_OR_RETURN(const auto added, guests_.add(renamed, nullptr, desc));
    const ObjectLock lock(added.object->mu);
    post_lifecycle(*added.object, PV_DOMAIN_EVENT_DEFINED, PV_DOMAIN_EVENT_DEFINED_RENAMED);
    return {};
}

} // namespace polyvirt::lxc
