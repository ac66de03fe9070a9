// SPDX-License-Identifier: Apache-2.0 OR MIT
// Copyright 2026 The polyvirt authors
// A null hypervisor with the SDK: users define domains, start, destroy and undefine them; nothing is executed. What is
// defined is there again after a restart. README.md says what to change first.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/event.h>
#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/plugin.h>
#include <polyvirt/sdk/object_table.h>
#include <polyvirt/sdk/records.h>
#include <polyvirt/sdk/xml/reader.h>
#include <polyvirt/sdk/xml/writer.h>

namespace {

using namespace polyvirt;

// Every object has its own lock, `mu`; clang checks what it guards.
struct Domain : sdk::Object {
    using Object::Object;
    std::string xml PV_GUARDED_BY(mu);
    std::int32_t id PV_GUARDED_BY(mu) = -1; // > 0 while it runs
};

// What a user has written, with the uuid that it may have lacked.
struct Description {
    Uuid uuid;
    std::string name, xml;
};

Error complaint(ErrorCode code, std::string text) { return Error{.code = code, .message = std::move(text)}; }

// What others can ask for in a description makes no difference here.
constexpr std::uint32_t kXmlFlags =
    PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

Status check_flags(std::uint32_t flags, std::uint32_t known) {
    if ((flags & ~known) == 0) return {};
    return complaint(ErrorCode::invalid_arg, "unsupported flags " + std::to_string(flags & ~known));
}

Result<Description> describe(std::string_view xml) {
    PV_ASSIGN_OR_RETURN(sdk::xml::Node document, sdk::xml::read(xml, "domain"));
    const sdk::xml::Node* name = document.child("name");
    if (document.name != "domain" || name == nullptr || name->text().empty())
        return complaint(ErrorCode::xml_error, "a <domain> with a <name> is expected, not <" + document.name + ">");
    Description found{.uuid = Uuid::random(), .name = name->text(), .xml = {}};
    if (const sdk::xml::Node* uuid = document.child("uuid")) {
        const auto parsed = Uuid::parse(uuid->text());
        if (!parsed) return complaint(ErrorCode::xml_error, "'" + uuid->text() + "' is no uuid");
        found.uuid = *parsed;
    } else {
        sdk::xml::Node text, element;
        text.kind = sdk::xml::NodeKind::text;
        text.content = found.uuid.to_string();
        element.name = "uuid";
        element.children.push_back(std::move(text));
        document.children.push_back(std::move(element));
    }
    sdk::xml::Writer writer;
    writer.tidy(document);
    found.xml = writer.take();
    return found;
}

class Driver : public plugin::DriverBase {
  public:
    // From these the manifest and the tables are made; a method that is not listed, or has another op's arguments, does
    // not compile.
    static constexpr plugin::About kAbout{
        .id = "template", .version = "0.1", .uri = "template", .kinds = "domain", .type = "TEMPLATE",
        .concurrency = plugin::Concurrency::serial}; // one op at a time; simple, and nothing here takes long
    using Implements = plugin::implements<ops::dom_config::define_xml, ops::dom_config::undefine, ops::dom_config::xml_desc,
                                          ops::dom_lifecycle::create, ops::dom_lifecycle::destroy>;

    static plugin::Claim probe(std::string_view uri, bool /*privileged*/) {
        if (uri != "template:///default") return {};
        return {.score = 100, .canonical = "template:///default", .instance = "default"};
    }

    explicit Driver(const plugin::Services& services) : DriverBase(services) {}

    // Clients are not served yet.
    Status start(pv_call*, std::uint32_t) {
        events_ = plugin::EventQueue(s_, "domains");
        if (!events_) return complaint(ErrorCode::no_memory, "out of memory");
        return configs_.each("", [this](const std::string& record, std::string_view xml) {
            const auto found = describe(xml);
            if (!found || !add(nullptr, *found)) configs_.set_aside(record, "it describes no domain");
        });
    }

    Status define_xml(pv_call* call, const pv_obj*, const pv_dom_define_xml_in& in, pv_dom_define_xml_out& out) {
        PV_TRY(check_flags(in.flags, 0));
        PV_ASSIGN_OR_RETURN(const Description found, describe(in.xml));
        PV_TRY(domains_.match(found.uuid, found.name));
        PV_TRY(configs_.put(found.uuid.to_string(), found.xml, call)); // on disk before it is answered
        PV_ASSIGN_OR_RETURN(const std::shared_ptr<Domain> domain, add(call, found));
        const ObjectLock lock(domain->mu);
        out.obj = domain->handle;
        return {};
    }

    Status undefine(pv_call*, const pv_obj* obj, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
        PV_TRY(check_flags(in.flags, 0));
        const auto domain = Domains::from(obj);
        {
            const ObjectLock lock(domain->mu);
            if (domain->id > 0)
                return complaint(ErrorCode::operation_invalid, "domain '" + domain->name + "' runs; destroy it first");
        }
        PV_TRY(configs_.remove(domain->uuid.to_string()));
        domains_.remove(*domain);
        tell(*domain, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_REMOVED);
        return {};
    }

    Status xml_desc(pv_call*, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
        PV_TRY(check_flags(in.flags, kXmlFlags));
        const auto domain = Domains::from(obj);
        const ObjectLock lock(domain->mu);
        if (!plugin::write(s_, out.xml, domain->xml)) return complaint(ErrorCode::internal_error, "it is too long");
        return {};
    }

    Status create(pv_call*, const pv_obj* obj, const pv_dom_create_in& in, pv_dom_create_out&) {
        PV_TRY(check_flags(in.flags, 0));
        return switch_domain(*Domains::from(obj), true);
    }
    Status destroy(pv_call*, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
        PV_TRY(check_flags(in.flags, 0));
        return switch_domain(*Domains::from(obj), false);
    }

  private:
    using Domains = sdk::ObjectTable<Domain>;

    // A new domain, or another description of the one with that name and uuid; the host shows it from here on.
    Result<std::shared_ptr<Domain>> add(pv_call* call, const Description& found) {
        pv_obj_desc desc{};
        desc.dom_id = -1;
        desc.state = PV_DOMAIN_SHUTOFF;
        desc.attrs = PV_ATTR_PERSISTENT;
        const auto fresh = std::make_shared<Domain>(found.uuid, found.name);
        PV_ASSIGN_OR_RETURN(const Domains::Added added, domains_.add(fresh, call, desc));
        const ObjectLock lock(added.object->mu);
        added.object->xml = found.xml;
        tell_held(*added.object, PV_DOMAIN_EVENT_DEFINED,
                  added.fresh ? PV_DOMAIN_EVENT_DEFINED_ADDED : PV_DOMAIN_EVENT_DEFINED_UPDATED);
        return added.object;
    }

    // What this driver knows, what the registry shows and what is told, in step: all under the domain's lock. It is
    // needed although the host lets one op in at a time: destroy comes at any time.
    Status switch_domain(Domain& domain, bool on) {
        const ObjectLock lock(domain.mu);
        if (domain.removed) return complaint(ErrorCode::no_domain, "domain '" + domain.name + "' is gone");
        if ((domain.id > 0) == on)
            return complaint(ErrorCode::operation_invalid,
                             on ? "domain is already running" : "domain '" + domain.name + "' is not running");
        domain.id = on ? next_id_++ : -1;
        pv_obj_update update{};
        update.size = sizeof update;
        update.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID;
        update.attrs = on ? PV_ATTR_ACTIVE : 0;
        update.attrs_mask = PV_ATTR_ACTIVE;
        update.state = on ? PV_DOMAIN_RUNNING : PV_DOMAIN_SHUTOFF;
        update.reason = on ? std::int32_t{PV_DOMAIN_RUNNING_BOOTED} : std::int32_t{PV_DOMAIN_SHUTOFF_DESTROYED};
        update.dom_id = domain.id;
        s_.registry->update(s_.host, domain.handle, &update);
        tell_held(domain, on ? PV_DOMAIN_EVENT_STARTED : PV_DOMAIN_EVENT_STOPPED,
                  on ? std::int32_t{PV_DOMAIN_EVENT_STARTED_BOOTED} : std::int32_t{PV_DOMAIN_EVENT_STOPPED_DESTROYED});
        return {};
    }

    void tell(Domain& domain, std::int32_t event, std::int32_t detail) {
        const ObjectLock lock(domain.mu);
        tell_held(domain, event, detail);
    }
    void tell_held(const Domain& domain, std::int32_t event, std::int32_t detail) PV_REQUIRES(domain.mu) {
        pv_event_domain_lifecycle what{};
        what.event = event;
        what.detail = detail;
        events_.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE,
                     {.handle = domain.handle, .uuid = domain.uuid, .name = domain.name, .dom_id = domain.id}, what);
    }

    plugin::EventQueue events_;
    const sdk::Records configs_{s_, PV_STATE_CONFIG, ErrorDomain::none};
    Domains domains_{s_, PV_KIND_DOMAIN, ErrorDomain::none, "domain"};
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace

PV_PLUGIN(Driver);
