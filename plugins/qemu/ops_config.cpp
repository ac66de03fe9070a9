// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.config: the persistent description of domains.

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "launch/volumes.h"
#include "save/save_ops.h"
#include "firmware/choose.h"
#include "sdk/domain/notes.h"
#include "tpm/tpm.h"

namespace polyvirt::qemu {
namespace {

constexpr std::uint32_t kUndefineFlags = PV_DOMAIN_UNDEFINE_MANAGED_SAVE | PV_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                                         PV_DOMAIN_UNDEFINE_NVRAM | PV_DOMAIN_UNDEFINE_KEEP_NVRAM |
                                         PV_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | PV_DOMAIN_UNDEFINE_TPM |
                                         PV_DOMAIN_UNDEFINE_KEEP_TPM;
constexpr std::uint32_t kXmlFlags =
    PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

} // namespace

// What a define brings: as it is written, and as it is held.
struct Driver::Definition {
    Uuid uuid;
    std::string name;
    std::string text;
    sdk::domain::PackedDomainPtr packed;
};

pv_status Driver::define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in, pv_dom_define_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_DEFINE_VALIDATE, "qemuDomainDefineXMLFlags"); !flags)
        return answer(call, flags);
    const auto domain = parse(in.xml, (in.flags & PV_DOMAIN_DEFINE_VALIDATE) != 0);
    if (!domain) return answer(call, domain.error());
    std::string text =
        sdk::domain::with_notes(format_domain(*domain, {.inactive = true, .secure = true}), domain->notes);
    auto packed = sdk::domain::PackedDomain::pack(*domain, text);
    if (!packed) return answer(call, packed.error());
    return define_config(
        call, std::make_shared<const Definition>(Definition{*domain->uuid, domain->name, std::move(text), *std::move(packed)}),
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
    return sdk::Operation::start(s_, loop_, {.call = call, .object = handle, .what = "define"},
                                 [this, guest, definition, fresh = added->fresh, result = &out](const sdk::OperationPtr& op) {
                                     finish_define(op, guest, definition, fresh, *result);
                                 });
}

void Driver::finish_define(const sdk::OperationPtr& op, const GuestPtr& guest,
                           const std::shared_ptr<const Definition>& definition, bool fresh, pv_dom_define_xml_out& out) {
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
    const std::string text = sdk::domain::with_notes(format_domain(domain, {.inactive = true, .secure = true}), domain.notes);
    PV_ASSIGN_OR_RETURN(const sdk::domain::PackedDomainPtr packed, sdk::domain::PackedDomain::pack(domain, text));
    PV_TRY(configs_.put(config_record(guest->name), text, call));
    const ObjectLock lock(guest->mu);
    guest->config = packed;
    guest->updated = guest->active();
    show(*guest);
    return {};
}

pv_status Driver::undefine(pv_call* call, const pv_obj* obj, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
    if (const Status flags = check_flags(in.flags, kUndefineFlags, "qemuDomainUndefineFlags"); !flags)
        return answer(call, flags);
    return with_job(call, obj, "undefine", [this, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        finish_undefine(op, guest, flags);
    });
}

Status Driver::settle_nvram(const Domain& config, std::uint32_t flags) const {
    std::string file = nvram_file(config);
    // What a start would have made.
    if (file.empty() && config.os.firmware == "efi") file = fmt::format("{}/{}_VARS.fd", nvram_folder(), config.name);
    if (file.empty() || ::access(file.c_str(), F_OK) != 0) return {};
    if ((flags & PV_DOMAIN_UNDEFINE_NVRAM) != 0) {
        if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
        return make_error(ErrorCode::system_error, ErrorDomain::qemu, "failed to remove nvram: {}: errno {}", file, errno);
    }
    if ((flags & PV_DOMAIN_UNDEFINE_KEEP_NVRAM) != 0) return {};
    return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu,
                      "cannot undefine domain with nvram: '{}' is its file; say whether to remove or keep it", file);
}

void Driver::finish_undefine(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags) {
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->removed) config = guest->config;
    }
    if (!config)
        return op->finish(make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "cannot undefine transient domain"));
    const auto domain = config->unpack();
    if (!domain) return op->finish(domain.error());
    if (const Status allowed = MomentStore::may_undefine(*guest, flags); !allowed) return op->finish(allowed);
    if (const Status settled = settle_nvram(*domain, flags); !settled) return op->finish(settled);
    bool active = false;
    {
        const ObjectLock lock(guest->mu);
        active = guest->active();
    }
    // One that runs on needs its TPM to its end (Run::end).
    const Status forgotten = active ? Status() : forget_tpm(s_.paths->dir(s_.host, PV_PATH_STATE), *domain, flags);
    if (!forgotten) return op->finish(forgotten);
    if (const Status gone = configs_.remove(autostart_record(guest->name)); !gone) return op->finish(gone);
    if (const Status gone = configs_.remove(config_record(guest->name)); !gone) return op->finish(gone);
    if (const Status gone = moments_.forget_all(guest); !gone) return op->finish(gone);
    bool saved = false;
    {
        const ObjectLock lock(guest->mu);
        saved = guest->managed_save;
    }
    if (saved) {
        if (const Status gone = saving().drop_managed(guest); !gone) return op->finish(gone);
    }
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
    if (const Status flags = check_flags(in.flags, kXmlFlags, "qemuDomainGetXMLDesc"); !flags) return answer(call, flags);
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
    // What another host is to run has the passwords; the host lets nobody ask for it who may not see them.
    const sdk::domain::FormatOptions options{.inactive = inactive || !live,
                                             .secure = (in.flags & (PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_MIGRATABLE)) != 0,
                                             .migratable = (in.flags & PV_DOMAIN_XML_MIGRATABLE) != 0};
    if (live) return give(call, out.xml, format_written(*live, options));
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
    const bool wanted = in.autostart != 0;
    return with_job(call, obj, "set autostart", [this, wanted](const sdk::OperationPtr& op, const GuestPtr& guest) {
        bool persistent = false;
        {
            const ObjectLock lock(guest->mu);
            persistent = guest->config != nullptr;
        }
        if (!persistent)
            return op->finish(make_error(ErrorCode::operation_invalid, ErrorDomain::qemu,
                                         "cannot set autostart for transient domain"));
        const Status saved = wanted ? configs_.put(autostart_record(guest->name), guest->uuid.to_string() + "\n", op->call())
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

} // namespace polyvirt::qemu
