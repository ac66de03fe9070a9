// SPDX-License-Identifier: Apache-2.0 OR MIT
// Copyright 2026 The polyvirt authors
// A driver that asks another one: a domain's interfaces name networks, which whatever driver serves networks here knows.
// Domains are transient and execute nothing. README.md says what to change.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/base/log.h>
#include <polyvirt/driver.h>
#include <polyvirt/event.h>
#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/plugin.h>
#include <polyvirt/sdk/object_table.h>
#include <polyvirt/sdk/xml/reader.h>
#include <polyvirt/sdk/xml/writer.h>
#include <polyvirt/subscription.h>

namespace {

using namespace polyvirt;

struct Domain : sdk::Object {
    using Object::Object;
    std::int32_t id = 0; // constant once it is published, as is the next
    std::string xml;
};

Error complaint(ErrorCode code, std::string text) { return Error{.code = code, .message = std::move(text)}; }

// What others can ask for in a description makes no difference here.
constexpr std::uint32_t kXmlFlags =
    PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

Status check_flags(std::uint32_t flags, std::uint32_t known) {
    if ((flags & ~known) == 0) return {};
    return complaint(ErrorCode::invalid_arg, "unsupported flags " + std::to_string(flags & ~known));
}

class Driver : public plugin::DriverBase {
  public:
    // `uses`: the daemon starts the driver of networks first, and lets this one call it, and nobody else.
    static constexpr plugin::About kAbout{.id = "template", .version = "0.1", .uri = "template", .kinds = "domain",
                                          .uses = "network", .type = "TEMPLATE"};
    using Implements = plugin::implements<ops::dom_config::xml_desc, ops::dom_lifecycle::create_xml,
                                          ops::dom_lifecycle::destroy>;

    static plugin::Claim probe(std::string_view uri, bool /*privileged*/) {
        if (uri != "template:///default") return {};
        return {.score = 100, .canonical = "template:///default", .instance = "default"};
    }

    explicit Driver(const plugin::Services& services) : DriverBase(services) {}

    Status start(pv_call*, std::uint32_t) {
        events_ = plugin::EventQueue(s_, "domains");
        loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "template");
        if (!events_ || !loop_) return complaint(ErrorCode::no_memory, "out of memory");
        // What becomes of networks is told here, whoever did it; null with a daemon that cannot tell yet.
        networks_ = plugin::Subscription(s_, PV_KIND_NETWORK, loop_, [](const plugin::Notice& notice) {
            if (notice.lost() || notice.event == PV_NETWORK_EVENT_STARTED)
                polyvirt::log::info("template", "guests may be connected to network '{}' again", notice.name);
        });
        return {};
    }

    Status xml_desc(pv_call*, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
        PV_TRY(check_flags(in.flags, kXmlFlags));
        if (!plugin::write(s_, out.xml, Domains::from(obj)->xml))
            return complaint(ErrorCode::internal_error, "the description is too long");
        return {};
    }

    Status create_xml(pv_call* call, const pv_obj*, const pv_dom_create_xml_in& in, pv_dom_create_xml_out& out) {
        PV_TRY(check_flags(in.flags, 0));
        PV_ASSIGN_OR_RETURN(sdk::xml::Node document, sdk::xml::read(in.xml, "domain"));
        const sdk::xml::Node *name = document.child("name"), *id = document.child("uuid");
        if (document.name != "domain" || name == nullptr)
            return complaint(ErrorCode::xml_error, "a <domain> with a <name> is expected, not <" + document.name + ">");
        const auto uuid = id == nullptr ? Uuid::random() : Uuid::parse(id->text());
        if (!uuid) return complaint(ErrorCode::xml_error, "'" + id->text() + "' is no uuid");
        PV_TRY(connect(call, document));
        const auto domain = std::make_shared<Domain>(*uuid, name->text());
        domain->id = next_id_++;
        sdk::xml::Writer writer;
        writer.tidy(document);
        domain->xml = writer.take();
        PV_TRY(add(call, domain));
        const ObjectLock lock(domain->mu);
        out.obj = domain->handle;
        tell(*domain, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_BOOTED);
        return {};
    }

    Status destroy(pv_call*, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
        PV_TRY(check_flags(in.flags, 0));
        const auto domain = Domains::from(obj);
        // Of two that destroy it, one does; the other found it before it was gone.
        if (!domains_.remove(*domain)) return complaint(ErrorCode::no_domain, "domain '" + domain->name + "' is gone");
        const ObjectLock lock(domain->mu);
        tell(*domain, PV_DOMAIN_EVENT_STOPPED, PV_DOMAIN_EVENT_STOPPED_DESTROYED);
        return {};
    }

  private:
    using Domains = sdk::ObjectTable<Domain>;

    // Gives each interface that names a network the bridge that it stands for. The other driver is entered through
    // the daemon, on behalf of the same client: what that may not see it does not see this way either. No lock of ours
    // is held meanwhile; clang checks that.
    Status connect(pv_call* call, sdk::xml::Node& document) const PV_NO_LOCKS_HELD {
        for (sdk::xml::Node& devices : document.children) {
            if (devices.name != "devices") continue;
            for (sdk::xml::Node& device : devices.children)
                if (device.name == "interface")
                    for (sdk::xml::Node& source : device.children)
                        if (const std::string* network = source.attribute("network"); network != nullptr) {
                            PV_ASSIGN_OR_RETURN(std::string bridge, bridge_of(call, *network));
                            source.attributes.push_back({.name = "bridge", .value = std::move(bridge)});
                        }
        }
        return {};
    }

    Result<std::string> bridge_of(pv_call* call, const std::string& name) const PV_NO_LOCKS_HELD {
        const plugin::Neighbours others(s_, call);
        PV_ASSIGN_OR_RETURN(const std::uint64_t network, others.find(PV_KIND_NETWORK, name));
        if (network == 0) return complaint(ErrorCode::no_network, "there is no network '" + name + "'");
        const plugin::Buffer text(s_, 256);
        pv_net_bridge_name_out out{};
        out.name = text.get();
        PV_TRY(others.call<ops::net_network::bridge_name>(network, {}, out));
        return std::string(text.text());
    }

    Status add(pv_call* call, const std::shared_ptr<Domain>& domain) {
        pv_obj_desc desc{};
        desc.dom_id = domain->id;
        desc.state = PV_DOMAIN_RUNNING;
        desc.reason = PV_DOMAIN_RUNNING_BOOTED;
        desc.attrs = PV_ATTR_ACTIVE;
        PV_ASSIGN_OR_RETURN(const Domains::Added added, domains_.add(domain, call, desc));
        if (!added.fresh) return complaint(ErrorCode::operation_failed, "domain '" + domain->name + "' runs already");
        return {};
    }

    void tell(const Domain& domain, std::int32_t event, std::int32_t detail) PV_REQUIRES(domain.mu) {
        pv_event_domain_lifecycle what{};
        what.event = event;
        what.detail = detail;
        events_.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE,
                     {.handle = domain.handle, .uuid = domain.uuid, .name = domain.name, .dom_id = domain.id}, what);
    }

    plugin::EventQueue events_;
    plugin::Loop loop_;
    plugin::Subscription networks_;
    Domains domains_{s_, PV_KIND_DOMAIN, ErrorDomain::none, "domain"};
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace

PV_PLUGIN(Driver);
