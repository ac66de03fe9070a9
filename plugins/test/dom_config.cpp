// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.config: the persistent description of domains.

#include <utility>

#include "described.h"
#include "dom_metadata.h"
#include "domains.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kUndefineFlags = PV_DOMAIN_UNDEFINE_MANAGED_SAVE | PV_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                                         PV_DOMAIN_UNDEFINE_NVRAM | PV_DOMAIN_UNDEFINE_KEEP_NVRAM |
                                         PV_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
constexpr std::uint32_t kXmlFlags =
    PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

class Config : public Ops {
  public:
    using Ops::Ops;

    pv_status define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in, pv_dom_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_DEFINE_VALIDATE, "testDomainDefineXMLFlags"); !flags)
            return answer(call, flags);
        auto described = driver_.domains().parse(in.xml, (in.flags & PV_DOMAIN_DEFINE_VALIDATE) != 0);
        if (!described) return fail(call, described.error());
        return define(driver_, call, *std::move(described), out);
    }

    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
        if (const Status flags = check_flags(in.flags, kUndefineFlags, "testDomainUndefineFlags"); !flags) return answer(call, flags);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "undefine", [&domains, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.config) return invalid("cannot undefine transient domain");
            if (guest.saved && (flags & PV_DOMAIN_UNDEFINE_MANAGED_SAVE) == 0)
                return invalid("Refusing to undefine while domain managed save image exists");
            if (!guest.active()) PV_TRY(check_moments(guest, flags));
            guest.saved = nullptr;
            guest.config = nullptr; // a running one goes on without a description to come back to
            guest.autostart = guest.autostart_once = guest.updated = false;
            domains.show(guest);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_REMOVED);
            return {};
        });
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, kXmlFlags, "testDomainGetXMLDesc"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const bool inactive = (in.flags & PV_DOMAIN_XML_INACTIVE) != 0;
        DocumentPtr document;
        std::shared_ptr<const sdk::xml::Node> faults;
        bool live = false;
        {
            const ObjectLock lock(guest->mu);
            document = inactive && guest->config ? guest->config : guest->current();
            live = document != nullptr && document == guest->live;
            faults = guest->faults_text;
        }
        if (!document) return fail(call, no_domain(*guest));
        std::string text = format_domain(*document, {.inactive = inactive || !live,
                                                     .secure = (in.flags & PV_DOMAIN_XML_SECURE) != 0,
                                                     .migratable = (in.flags & PV_DOMAIN_XML_MIGRATABLE) != 0});
        return write_document(s_, call, out.xml, with_faults(std::move(text), faults));
    }

    pv_status os_type(pv_call*, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out& out) {
        return put(out.type, "linux"); // what every guest of this host runs
    }

    pv_status set_autostart(pv_call* call, const pv_obj* obj, const pv_dom_set_autostart_in& in, pv_dom_set_autostart_out&) {
        return mark(call, obj, in.autostart != 0, &Guest::autostart);
    }
    pv_status set_autostart_once(pv_call* call, const pv_obj* obj, const pv_dom_set_autostart_once_in& in,
                                 pv_dom_set_autostart_once_out&) {
        return mark(call, obj, in.autostart != 0, &Guest::autostart_once);
    }

  private:
    static Status check_moments(const Guest& guest, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        const auto refuse = [](std::size_t count, const char* what) {
            return invalid(fmt::format("cannot delete inactive domain with {} {}", count, what));
        };
        std::size_t snapshots = 0, checkpoints = 0;
        guest.snapshots.each([&](const auto&, const auto&) { ++snapshots; });
        guest.checkpoints.each([&](const auto&, const auto&) { ++checkpoints; });
        if (snapshots != 0 && (flags & PV_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0) return refuse(snapshots, "snapshots");
        if (checkpoints != 0 && (flags & PV_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA) == 0) return refuse(checkpoints, "checkpoints");
        return {};
    }

    static pv_status define(Driver& driver, pv_call* call, Described described, pv_dom_define_xml_out& out) {
        Domains& domains = driver.domains();
        auto added = domains.add(call, described, true);
        if (!added) return plugin::fail(driver.services(), call, added.error());
        const GuestPtr guest = added->object;
        {
            const ObjectLock lock(guest->mu);
            out.obj = guest->handle;
        }
        return domains.change(call, guest, "define",
                              [&domains, described = std::move(described), fresh = added->fresh](Guest& g) PV_REQUIRES(g.mu) -> Status {
                                  const bool was_persistent = !fresh && g.config != nullptr;
                                  g.config = described.domain;
                                  g.updated = g.active();
                                  domains.take_faults(g, described);
                                  domains.show(g);
                                  domains.post_lifecycle(g, PV_DOMAIN_EVENT_DEFINED,
                                                         was_persistent ? PV_DOMAIN_EVENT_DEFINED_UPDATED : PV_DOMAIN_EVENT_DEFINED_ADDED);
                                  return {};
                              });
    }

    pv_status mark(pv_call* call, const pv_obj* obj, bool wanted, bool Guest::*which) {
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "set autostart", [&domains, wanted, which](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.config) return invalid("cannot set autostart for transient domain");
            guest.*which = wanted;
            domains.show(guest);
            return {};
        });
    }
};

} // namespace

const void* dom_config_table() {
    static const auto table = make_table<pv_dom_config>([](auto& t) {
        t.define_xml = op<"domain.define_xml", &Config::define_xml>;
        t.undefine = op<"domain.undefine", &Config::undefine>;
        t.xml_desc = op<"domain.xml_desc", &Config::xml_desc>;
        t.os_type = op<"domain.os_type", &Config::os_type>;
        t.set_autostart = op<"domain.set_autostart", &Config::set_autostart>;
        t.set_autostart_once = op<"domain.set_autostart_once", &Config::set_autostart_once>;
        fill_metadata(t);
    });
    return &table;
}

} // namespace polyvirt::test
