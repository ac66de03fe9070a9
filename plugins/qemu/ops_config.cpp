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

pv_status Driver::define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in, pv_dom_define_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_DEFINE_VALIDATE, "qemuDomainDefineXMLFlags"); !flags)
        return answer(call, flags);
    const auto domain = parse(in.xml, (in.flags & PV_DOMAIN_DEFINE_VALIDATE) != 0);
    if (!domain) return answer(call, domain.error());
    return definitions_.define(call, *domain, out);
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
    if (const Status gone = definitions_.erase(guest); !gone) return op->finish(gone);
    if (const Status gone = moments_.forget_all(guest); !gone) return op->finish(gone);
    bool saved = false;
    {
        const ObjectLock lock(guest->mu);
        saved = guest->managed_save;
    }
    if (saved) {
        if (const Status gone = saving().drop_managed(guest); !gone) return op->finish(gone);
    }
    definitions_.undefined(guest);
    op->finish({});
}

pv_status Driver::xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, kXmlFlags, "qemuDomainGetXMLDesc"); !flags) return answer(call, flags);
    const auto text = sdk::document_of(*guest_of(obj), in.flags, &format_written);
    return text ? give(call, out.xml, *text) : answer(call, text.error());
}

pv_status Driver::os_type(pv_call* call, const pv_obj* obj, const pv_dom_os_type_in&, pv_dom_os_type_out& out) {
    const auto summary = sdk::summary_of(*guest_of(obj));
    return summary ? give(call, out.type, summary->os_type) : answer(call, summary.error());
}

pv_status Driver::set_autostart(pv_call* call, const pv_obj* obj, const pv_dom_set_autostart_in& in,
                                pv_dom_set_autostart_out&) {
    const bool wanted = in.autostart != 0;
    return with_job(call, obj, "set autostart", [this, wanted](const sdk::OperationPtr& op, const GuestPtr& guest) {
        op->finish(definitions_.set_autostart(guest, wanted, "cannot set autostart for transient domain", op->call()));
    });
}

} // namespace polyvirt::qemu
