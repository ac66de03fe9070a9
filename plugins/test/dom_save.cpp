// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.save: saved states. A state "in a file" is kept in memory under the file's name: this driver writes no files,
// whatever path a client names, and forgets them with its instance.

#include <utility>

#include "domains.h"
#include "jobs.h"
#include "op.h"
#include "saved_images.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kSaveFlags = PV_DOMAIN_SAVE_BYPASS_CACHE | PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED;

struct SaveParams {
    std::string file, dxml;
};

class Save : public Ops {
  public:
    using Ops::Ops;

    pv_status save(pv_call* call, const pv_obj* obj, const pv_dom_save_in& in, pv_dom_save_out&) {
        auto params = read_params(in.params, in.nparams, in.flags, "testDomainSaveParams");
        if (!params) return fail(call, params.error());
        auto replaced = replacement(params->dxml, Domains::of(obj)->uuid);
        if (!replaced) return fail(call, replaced.error());
        return stop_and_keep(call, obj, in.flags, PV_DOMAIN_JOB_OPERATION_SAVE, *std::move(replaced),
                             [&driver = driver_, file = params->file]([[maybe_unused]] Guest& guest, SavedImage image) PV_REQUIRES(guest.mu) -> Status {
                                 return driver.domains().images().put(file, std::move(image));
                             });
    }

    pv_status restore(pv_call* call, const pv_obj*, const pv_dom_restore_in& in, pv_dom_restore_out&) {
        const auto params = read_params(in.params, in.nparams, in.flags, "testDomainRestoreParams");
        if (!params) return fail(call, params.error());
        auto image = driver_.domains().images().get(params->file);
        if (!image) return fail(call, image.error());
        auto replaced = replacement(params->dxml, *image->document->uuid);
        if (!replaced) return fail(call, replaced.error());
        if (*replaced) image->document = *replaced;
        bool paused = image->paused;
        if ((in.flags & PV_DOMAIN_SAVE_RUNNING) != 0) paused = false;
        if ((in.flags & PV_DOMAIN_SAVE_PAUSED) != 0) paused = true;
        Described described;
        described.domain = image->document;
        const auto added = driver_.domains().add(call, described, false);
        if (!added) return fail(call, added.error());
        return driver_.domains().change(
            call, added->object, "restore",
            [&domains = driver_.domains(), document = image->document, paused](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                if (guest.active()) return invalid(fmt::format("domain is already active as '{}'", guest.name));
                domains.boot(guest, document, paused ? PV_DOMAIN_PAUSED : PV_DOMAIN_RUNNING,
                             paused ? +PV_DOMAIN_PAUSED_USER : +PV_DOMAIN_RUNNING_RESTORED, PV_DOMAIN_EVENT_STARTED_RESTORED);
                return {};
            });
    }

    pv_status save_image_xml_desc(pv_call* call, const pv_obj*, const pv_dom_save_image_xml_desc_in& in, pv_dom_save_image_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_IMAGE_XML_SECURE, "testDomainSaveImageGetXMLDesc"); !flags)
            return answer(call, flags);
        const auto image = driver_.domains().images().get(in.file);
        if (!image) return fail(call, image.error());
        return put(out.xml, format_domain(*image->document, {.inactive = true, .secure = in.flags != 0}));
    }
    pv_status save_image_define_xml(pv_call* call, const pv_obj*, const pv_dom_save_image_define_xml_in& in, pv_dom_save_image_define_xml_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED, "testDomainSaveImageDefineXML"); !flags)
            return answer(call, flags);
        auto image = driver_.domains().images().get(in.file);
        if (!image) return fail(call, image.error());
        const auto replaced = replacement(in.xml, *image->document->uuid);
        if (!replaced) return fail(call, replaced.error());
        if (*replaced) image->document = *replaced;
        if (in.flags != 0) image->paused = (in.flags & PV_DOMAIN_SAVE_PAUSED) != 0;
        return answer(call, driver_.domains().images().put(in.file, *std::move(image)));
    }

    pv_status managed_save(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_in& in, pv_dom_managed_save_out&) {
        if (const Status flags = check_flags(in.flags, kSaveFlags, "testDomainManagedSave"); !flags) return answer(call, flags);
        return stop_and_keep(call, obj, in.flags, PV_DOMAIN_JOB_OPERATION_SAVE, nullptr,
                             [](Guest& guest, SavedImage image) PV_REQUIRES(guest.mu) -> Status {
                                 if (!guest.config) return invalid("cannot do managed save for transient domain");
                                 guest.saved = image.document;
                                 guest.saved_paused = image.paused;
                                 return {};
                             });
    }
    pv_status managed_save_remove(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_remove_in& in, pv_dom_managed_save_remove_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainManagedSaveRemove"); !flags) return answer(call, flags);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "remove managed save", [&domains](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            guest.saved = nullptr;
            domains.show(guest);
            return {};
        });
    }
    pv_status managed_save_xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_xml_desc_in& in, pv_dom_managed_save_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_IMAGE_XML_SECURE, "testDomainManagedSaveGetXMLDesc"); !flags)
            return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        DocumentPtr saved;
        {
            const ObjectLock lock(guest->mu);
            saved = guest->saved;
        }
        if (!saved) return fail(call, invalid("domain does not have managed save image"));
        return put(out.xml, format_domain(*saved, {.inactive = true, .secure = in.flags != 0}));
    }
    pv_status managed_save_define_xml(pv_call* call, const pv_obj* obj, const pv_dom_managed_save_define_xml_in& in,
                                      pv_dom_managed_save_define_xml_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED, "testDomainManagedSaveDefineXML"); !flags)
            return answer(call, flags);
        auto replaced = replacement(in.xml != nullptr ? in.xml : "", Domains::of(obj)->uuid);
        if (!replaced) return fail(call, replaced.error());
        return driver_.domains().change(call, obj, "redefine managed save",
                                        [document = *std::move(replaced), flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                            if (!guest.saved) return invalid("domain does not have managed save image");
                                            if (document) guest.saved = document;
                                            if (flags != 0) guest.saved_paused = (flags & PV_DOMAIN_SAVE_PAUSED) != 0;
                                            return {};
                                        });
    }

    pv_status core_dump(pv_call* call, const pv_obj* obj, const pv_dom_core_dump_in& in, pv_dom_core_dump_out&) {
        constexpr std::uint32_t kKnown = PV_DUMP_CRASH | PV_DUMP_LIVE | PV_DUMP_BYPASS_CACHE | PV_DUMP_RESET | PV_DUMP_MEMORY_ONLY;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainCoreDumpWithFormat"); !flags) return answer(call, flags);
        if (in.format != 0) // raw
            return fail(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "kdump-compressed format is not supported here"));
        return long_change(call, obj, "dump", PV_DOMAIN_JOB_OPERATION_DUMP,
                           [&domains = driver_.domains(), flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                               if (!guest.active()) return not_running();
                               if ((flags & PV_DUMP_RESET) != 0) domains.post(guest, PV_EVENT_DOMAIN_REBOOT, nullptr);
                               if ((flags & PV_DUMP_CRASH) == 0) return {};
                               domains.halt(guest, PV_DOMAIN_SHUTOFF_CRASHED, PV_DOMAIN_EVENT_STOPPED_CRASHED);
                               return {};
                           });
    }

  private:
    using Keep = std::function<Status(Guest&, SavedImage)>;

    static Result<SaveParams> read_params(const pv_param* params, std::uint32_t count, std::uint32_t flags, const char* function) {
        PV_TRY(check_flags(flags, kSaveFlags, function));
        SaveParams read;
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::string_view field = params[i].field;
            if (params[i].type != PV_PARAM_STRING || params[i].v.s == nullptr) continue; // the image's format, threads ...
            if (field == PV_DOMAIN_SAVE_PARAM_FILE) read.file = params[i].v.s;
            if (field == PV_DOMAIN_SAVE_PARAM_DXML) read.dxml = params[i].v.s;
        }
        if (read.file.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "no file is named for the saved state");
        return read;
    }

    // What a client wants the saved guest to be described as; null: as it was.
    Result<DocumentPtr> replacement(const std::string& xml, const Uuid& uuid) const {
        if (xml.empty()) return DocumentPtr{};
        PV_ASSIGN_OR_RETURN(const Described described, driver_.domains().parse(xml));
        if (described.domain->uuid != uuid)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "found uuid {}, expected the saved domain's, {}",
                              described.domain->uuid->to_string(), uuid.to_string());
        return described.domain;
    }

    pv_status stop_and_keep(pv_call* call, const pv_obj* obj, std::uint32_t flags, std::int32_t operation, DocumentPtr replaced, Keep keep) {
        return long_change(call, obj, "save", operation,
                           [&domains = driver_.domains(), flags, replaced = std::move(replaced), keep = std::move(keep)](Guest& guest)
                               PV_REQUIRES(guest.mu) -> Status {
                               if (!guest.active()) return not_running();
                               SavedImage image{replaced ? replaced : guest.live, guest.state == PV_DOMAIN_PAUSED};
                               if ((flags & (PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED)) != 0)
                                   image.paused = (flags & PV_DOMAIN_SAVE_PAUSED) != 0;
                               PV_TRY(keep(guest, std::move(image)));
                               domains.halt(guest, PV_DOMAIN_SHUTOFF_SAVED, PV_DOMAIN_EVENT_STOPPED_SAVED);
                               return {};
                           });
    }

    // A change behind a job that may take its time; destroy goes beside it and ends it.
    pv_status long_change(pv_call* call, const pv_obj* obj, const char* what, std::int32_t operation, Domains::Change body) {
        const GuestPtr guest = Domains::of(obj);
        return sdk::Operation::start(
            s_, driver_.loop(), {.call = call, .object = obj->handle, .job_class = PV_JOB_ASYNC, .what = what},
            [&driver = driver_, guest, operation, body = std::move(body)](const sdk::OperationPtr& op) {
                {
                    bool running = false; // a long wait for what is refused in the end helps nobody
                    {
                        const ObjectLock lock(guest->mu);
                        running = guest->active();
                    }
                    if (!running) return op->finish(not_running());
                }
                const Status begun = begin_job(driver, guest, operation, 0, [&driver, guest, op, body](const Status& outcome) {
                    Status done = outcome;
                    if (done) {
                        const ObjectLock lock(guest->mu);
                        done = guest->removed ? Status(no_domain(*guest)) : body(*guest);
                    }
                    driver.domains().drop_if_over(guest);
                    op->finish(done);
                });
                if (!begun) op->finish(begun);
            });
    }
};

} // namespace

const void* dom_save_table() {
    static const auto table = make_table<pv_dom_save>([](auto& t) {
        t.save = op<"domain.save", &Save::save>;
        t.restore = op<"domain.restore", &Save::restore>;
        t.save_image_xml_desc = op<"domain.save_image_xml_desc", &Save::save_image_xml_desc>;
        t.save_image_define_xml = op<"domain.save_image_define_xml", &Save::save_image_define_xml>;
        t.managed_save = op<"domain.managed_save", &Save::managed_save>;
        t.managed_save_remove = op<"domain.managed_save_remove", &Save::managed_save_remove>;
        t.managed_save_xml_desc = op<"domain.managed_save_xml_desc", &Save::managed_save_xml_desc>;
        t.managed_save_define_xml = op<"domain.managed_save_define_xml", &Save::managed_save_define_xml>;
        t.core_dump = op<"domain.core_dump", &Save::core_dump>;
    });
    return &table;
}

} // namespace polyvirt::test
