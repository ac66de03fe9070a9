// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/save_ops.h"

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "hostdev/functions.h"
#include "launch/volumes.h"
#include "run.h"
#include "save/migrate.h"
#include "save/params.h"

namespace polyvirt::qemu {
namespace {

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

} // namespace

pv_status SaveOps::save(pv_call* call, const pv_obj* obj, const pv_dom_save_in& in, pv_dom_save_out&) {
    const auto params = read_save_params(in.params, in.nparams, in.flags, kSaveFlags, "qemuDomainSaveParams");
    if (!params) return answer(call, params.error());
    return with_job(call, obj, PV_JOB_ASYNC, "save", [this, params = *params, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return save_guest(op, guest, {.path = params.file, .dxml = params.dxml, .flags = flags, .managed = false});
    });
}

pv_status SaveOps::managed_save(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_in& in, pv_dom_managed_save_out&) {
    if (const Status flags = check_save_flags(in.flags, kSaveFlags, "qemuDomainManagedSave"); !flags) return answer(call, flags);
    return with_job(call, obj, PV_JOB_ASYNC, "managed save", [this, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return save_guest(op, guest, {.path = store_.managed_path(guest->name), .dxml = {}, .flags = flags, .managed = true});
    });
}

SaveOps::Task SaveOps::save_guest(sdk::OperationPtr op, GuestPtr guest, Request request) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    if (request.managed) {
        {
            const ObjectLock lock(guest->mu);
            if (!guest->config) co_return invalid("cannot do managed save for transient domain");
        }
        PV_CO_TRY(store_.make_folder());
    }
    PV_CO_TRY(co_await check_migratable(run));
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_SAVE, [run] { cancel_migration(run); });
    Status outcome = co_await save_and_end(op, guest, run, std::move(request), ticket);
    ticket->end(outcome);
    co_return outcome;
}

// What a device of the host has in it is in no image; a USB device is plugged out and in again.
static Status check_host_devices(const Domain& live) {
    for (const sdk::domain::Hostdev& h : live.devices.hostdevs)
        if (h.mode == "subsystem" && h.type != "usb")
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "cannot migrate a domain with <hostdev mode='subsystem' type='{}'>", h.type);
    for (const sdk::domain::Interface& i : live.devices.interfaces)
        if (is_function(i))
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "cannot migrate a domain with <interface type='hostdev'>");
    return {};
}

Result<ImageFacts> SaveOps::facts_of(const GuestPtr& guest, const Request& request) {
    std::shared_ptr<const Domain> live;
    ImageFacts facts;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) return invalid("domain is not running");
        live = guest->live;
        facts.running = guest->state == PV_DOMAIN_RUNNING;
    }
    PV_TRY(check_host_devices(*live));
    if ((request.flags & PV_DOMAIN_SAVE_RUNNING) != 0) facts.running = true;
    if ((request.flags & PV_DOMAIN_SAVE_PAUSED) != 0) facts.running = false;
    PV_ASSIGN_OR_RETURN(facts.compression, compression_of(setting(s_, "save_image_format")));
    if (request.dxml.empty()) {
        facts.xml = format_written(*live, {.inactive = false, .secure = true, .migratable = true});
    } else {
        PV_ASSIGN_OR_RETURN(facts.xml, replacement(request.dxml, guest->uuid));
    }
    return facts;
}

SaveOps::Task SaveOps::save_and_end(sdk::OperationPtr op, GuestPtr guest, RunPtr run, Request request, JobTicketPtr ticket) {
    PV_CO_ASSIGN_OR_RETURN(const ImageFacts facts, facts_of(guest, request));
    SaveStore::Saving saving{.temporary = temporary_for(request.path, guest->uuid), .final = request.path, .whole = false, .managed = request.managed,
                             .run = run->id()};
    PV_CO_TRY(store_.put(guest->uuid, saving, op->call()));
    bool was_running = false;
    {
        const ObjectLock lock(guest->mu);
        was_running = guest->state == PV_DOMAIN_RUNNING;
    }
    Status written = co_await run->pause(PV_DOMAIN_PAUSED_SAVE);
    if (written) written = co_await write_image(run, saving.temporary, facts, ticket, "save", (request.flags & PV_DOMAIN_SAVE_BYPASS_CACHE) != 0);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (written) {
        // From here on it is the image that counts, whoever dies first.
        saving.whole = true;
        written = store_.put(guest->uuid, saving, op->call());
    }
    if (written) written = co_await run->ended(kSaved);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    if (!written) {
        if (saving.temporary != saving.final) ::unlink(saving.temporary.c_str());
        const Status gone = store_.remove(guest->uuid);
        if (!gone) log::error("save", "domain '{}': {}", guest->name, gone.error().message);
        if (was_running) {
            const Status going = co_await run->go_on(PV_DOMAIN_RUNNING_SAVE_CANCELED);
            if (!going) log::error("save", "domain '{}' stays paused: {}", guest->name, going.error().message);
        }
        co_return written;
    }
    PV_CO_TRY(publish_image(saving));
    PV_CO_TRY(store_.remove(guest->uuid));
    if (!request.managed) co_return Status{};
    const ObjectLock lock(guest->mu);
    guest->managed_save = true;
    driver_.show(*guest);
    co_return Status{};
}

Result<std::string> SaveOps::replacement(const std::string& xml, const Uuid& uuid) {
    PV_ASSIGN_OR_RETURN(const Domain domain, driver_.parse(xml));
    if (domain.uuid != uuid)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "Target domain uuid {} does not match source {}",
                          domain.uuid ? domain.uuid->to_string() : "", uuid.to_string());
    return format_domain(domain, {.inactive = true, .secure = true});
}

pv_status SaveOps::describe_image(pv_call* call, const std::string& path, std::uint32_t flags, pv_sink* sink) {
    const auto image = open_saved(path);
    if (!image) return answer(call, image.error());
    const auto parsed = sdk::domain::parse_domain(image->head.facts.xml, {.inactive = true, .limits = {}, .validate = false});
    if (!parsed) return answer(call, parsed.error());
    return give(call, sink, format_domain(parsed->domain, {.inactive = true, .secure = (flags & PV_DOMAIN_SAVE_IMAGE_XML_SECURE) != 0}));
}

Status SaveOps::define_image(const std::string& path, const std::string& xml, std::uint32_t flags) {
    PV_ASSIGN_OR_RETURN(OpenImage image, open_saved(path, true));
    ImageFacts& facts = image.head.facts;
    if ((flags & PV_DOMAIN_SAVE_RUNNING) != 0) facts.running = true;
    if ((flags & PV_DOMAIN_SAVE_PAUSED) != 0) facts.running = false;
    if (!xml.empty()) {
        PV_ASSIGN_OR_RETURN(const auto was, sdk::domain::parse_domain(facts.xml));
        PV_ASSIGN_OR_RETURN(facts.xml, replacement(xml, was.domain.uuid.value_or(Uuid{})));
    }
    return rewrite_head(image);
}

pv_status SaveOps::save_image_xml_desc(pv_call* call, const pv_obj*, const pv_dom_save_image_xml_desc_in& in, pv_dom_save_image_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_IMAGE_XML_SECURE, "qemuDomainSaveImageGetXMLDesc"); !flags)
        return answer(call, flags);
    return describe_image(call, in.file, in.flags, out.xml);
}

pv_status SaveOps::save_image_define_xml(pv_call* call, const pv_obj*, const pv_dom_save_image_define_xml_in& in, pv_dom_save_image_define_xml_out&) {
    if (const Status flags = check_save_flags(in.flags, PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED, "qemuDomainSaveImageDefineXML"); !flags)
        return answer(call, flags);
    return answer(call, define_image(in.file, in.xml, in.flags));
}

pv_status SaveOps::managed_save_remove(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_remove_in& in, pv_dom_managed_save_remove_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainManagedSaveRemove"); !flags) return answer(call, flags);
    return change(call, obj, "remove managed save", [this](const sdk::OperationPtr&, const GuestPtr& guest) { return remove_managed(guest); });
}

SaveOps::Task SaveOps::remove_managed(GuestPtr guest) { co_return drop_managed(guest); }

Status SaveOps::drop_managed(const GuestPtr& guest) {
    const std::string path = store_.managed_path(guest->name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return make_system_error(errno, ErrorDomain::qemu, "Failed to remove managed save file '" + path + "'");
    PV_TRY(store_.make_folder());
    PV_TRY(sync_folder(path));
    const ObjectLock lock(guest->mu);
    guest->managed_save = false;
    driver_.show(*guest);
    return {};
}

pv_status SaveOps::managed_save_xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_xml_desc_in& in,
                                         pv_dom_managed_save_xml_desc_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_IMAGE_XML_SECURE, "qemuDomainManagedSaveGetXMLDesc"); !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    bool saved = false;
    {
        const ObjectLock lock(guest->mu);
        saved = guest->managed_save;
    }
    if (!saved) return answer(call, invalid("domain does not have managed save image"));
    return describe_image(call, store_.managed_path(guest->name), in.flags, out.xml);
}

pv_status SaveOps::managed_save_define_xml(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_define_xml_in& in,
                                           pv_dom_managed_save_define_xml_out&) {
    if (const Status flags = check_save_flags(in.flags, PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED, "qemuDomainManagedSaveDefineXML"); !flags)
        return answer(call, flags);
    return change(call, obj, "redefine managed save", [this, in](const sdk::OperationPtr&, const GuestPtr& guest) {
        return redefine_managed(guest, in.xml != nullptr ? in.xml : "", in.flags);
    });
}

SaveOps::Task SaveOps::redefine_managed(GuestPtr guest, std::string xml, std::uint32_t flags) {
    {
        const ObjectLock lock(guest->mu);
        if (!guest->managed_save) co_return invalid("domain does not have managed save image");
    }
    co_return define_image(store_.managed_path(guest->name), xml, flags);
}

} // namespace polyvirt::qemu
