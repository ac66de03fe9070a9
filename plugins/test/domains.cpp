// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "domains.h"

#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "fault_events.h"
#include "faults.h"
#include "jobs.h"
#include "sdk/domain/notes.h"
#include "sdk/domain/passes.h"
#include "sdk/xml/parse.h"

namespace polyvirt::test {

using sdk::xml::Node;

Error no_domain(const Guest& guest) {
    return make_error(ErrorCode::no_domain, ErrorDomain::test, "no domain with matching uuid '{}' ({})", guest.uuid.to_string(),
                      guest.name);
}
std::string source_of(const sdk::domain::Disk& disk) {
    if (!disk.source) return {};
    for (const std::string* text : {&disk.source->file, &disk.source->dev, &disk.source->dir, &disk.source->name})
        if (!text->empty()) return *text;
    return {};
}

Result<const sdk::domain::Disk*> find_disk(const Domain& domain, std::string_view name) {
    for (const auto& disk : domain.devices.disks)
        if (!name.empty() && (disk.target.dev == name || source_of(disk) == name)) return &disk;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid path {} not assigned to domain", name);
}

Result<const sdk::domain::Interface*> find_interface(const Domain& domain, std::string_view name) {
    for (const auto& interface : domain.devices.interfaces)
        if (!name.empty() && (interface.target.dev == name || (interface.mac.address && interface.mac.address->to_string() == name)))
            return &interface;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "'{}' is not a known interface", name);
}

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "{}", text); }
Error not_running() { return invalid("domain is not running"); }

Status complete_domain(Domain& domain) {
    sdk::domain::HostContext context;
    context.arch = "i686";
    PV_TRY(apply_neutral_defaults(domain, context));
    auto& interfaces = domain.devices.interfaces;
    std::uint32_t next = 0;
    for (auto& interface : interfaces) {
        while (interface.target.dev.empty()) {
            std::string name = fmt::format("testnet{}", next++);
            const bool taken =
                std::any_of(interfaces.begin(), interfaces.end(), [&](const auto& i) { return i.target.dev == name; });
            if (!taken) interface.target.dev = std::move(name);
        }
    }
    return {};
}


Domains::Domains(Driver& driver)
    : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_DOMAIN, ErrorDomain::test, "domain") {}

Result<Described> Domains::parse(std::string_view xml, bool validate) const {
    PV_ASSIGN_OR_RETURN(const Node root, sdk::xml::read(xml, "domain description"));
    if (root.name != "domain" || !root.uri.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: the outermost element is <{}>, expected <domain>", root.line,
                          root.qualified_name());
    return parse(root, validate);
}

Result<Described> Domains::parse(const Node& root, bool validate) const {
    // A code of its own, which clients look for.
    if (const Node* name = root.child("name"); name == nullptr || name->text().empty())
        return make_error(ErrorCode::no_name, ErrorDomain::test, "missing name information");
    sdk::xml::Messages messages;
    PV_ASSIGN_OR_RETURN(Domain domain, sdk::xml::parse<Domain>(root, messages));
    if (validate) PV_TRY(sdk::xml::refuse_unknown(messages));
    domain.notes = sdk::domain::notes_from(messages);
    if (domain.type != "test")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "unexpected domain type {}, expecting one of these: test",
                          domain.type);
    drop_live_state(domain);
    PV_TRY(complete_domain(domain));
    Described described;
    described.domain = std::make_shared<const Domain>(std::move(domain));
    PV_ASSIGN_OR_RETURN(described.faults, read_faults(root));
    if (const Node* faults = find_faults(root)) described.faults_text = std::make_shared<const Node>(*faults);
    return described;
}

Result<Domains::Table::Added> Domains::add(pv_call* call, const Described& described, bool persistent) {
    const auto guest = std::make_shared<Guest>(*described.domain->uuid, described.domain->name);
    if (persistent) {
        const ObjectLock lock(guest->mu);
        guest->config = described.domain; // visible from the next line on, so it must be something that can be shown
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.reason = PV_DOMAIN_SHUTOFF_UNKNOWN;
    desc.attrs = persistent ? PV_ATTR_PERSISTENT : 0;
    return table_.add(guest, call, desc);
}

pv_status Domains::change(pv_call* call, const pv_obj* obj, const char* what, Change body) {
    return change(call, of(obj), what, std::move(body));
}

pv_status Domains::change(pv_call* call, const GuestPtr& guest, const char* what, Change body) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
    }
    return sdk::Operation::start(s_, driver_.loop(), {.call = call, .object = handle, .what = what},
                                 [this, guest, body = std::move(body)](const sdk::OperationPtr& op) {
                                     Status done;
                                     {
                                         const ObjectLock lock(guest->mu);
                                         done = guest->removed ? Status(no_domain(*guest)) : body(*guest);
                                     }
                                     drop_if_over(guest);
                                     op->finish(done);
                                 });
}

namespace {

// What an inactive guest is, but for its name. Never the locks of both at once.
void take_over(Guest& from, Guest& to) {
    std::shared_ptr<Domain> config;
    Guest::Kept kept;
    {
        const ObjectLock lock(from.mu);
        config = std::make_shared<Domain>(*from.config);
        kept = {from.reason, from.autostart, from.autostart_once, from.saved, from.saved_paused, from.faults, from.faults_text};
    }
    config->name = to.name;
    const ObjectLock lock(to.mu);
    to.config = std::move(config);
    to.reason = kept.reason;
    to.autostart = kept.autostart;
    to.autostart_once = kept.autostart_once;
    to.saved = kept.saved;
    to.saved_paused = kept.saved_paused;
    to.faults = kept.faults;
    to.faults_text = kept.faults_text;
}

} // namespace

pv_status Domains::rename(pv_call* call, const GuestPtr& guest, std::string name) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
    }
    return sdk::Operation::start(s_, driver_.loop(), {.call = call, .object = handle, .what = "rename"},
                                 [this, guest, name = std::move(name)](const sdk::OperationPtr& op) { op->finish(rename_now(guest, name)); });
}

Status Domains::rename_now(const GuestPtr& guest, const std::string& name) {
    if (const auto taken = table_.match(guest->uuid, name); !taken && name != guest->name) {
        // It has this uuid under its own name, which is no reason; any other owner of the name is.
        for (const GuestPtr& other : table_.all())
            if (other->name == name) return invalid(fmt::format("domain with name '{}' already exists", name));
    }
    const auto fresh = std::make_shared<Guest>(guest->uuid, name);
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed) return no_domain(*guest);
        if (guest->active()) return invalid("cannot rename active domain");
        if (!guest->config) return invalid("cannot rename a transient domain");
        if (!guest->snapshots.empty()) return invalid("cannot rename domain with snapshots");
        if (!guest->checkpoints.empty()) return invalid("cannot rename domain with checkpoints");
        if (name == guest->name) return invalid("can't rename domain to itself");
        post_lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_RENAMED);
    }
    take_over(*guest, *fresh);
    table_.remove(*guest);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.attrs = PV_ATTR_PERSISTENT;
    PV_TRY(table_.add(fresh, nullptr, desc));
    const ObjectLock lock(fresh->mu);
    driver_.faults().declare(fresh->handle, fresh->faults);
    show(*fresh);
    post_lifecycle(*fresh, PV_DOMAIN_EVENT_DEFINED, PV_DOMAIN_EVENT_DEFINED_RENAMED);
    return {};
}

void Domains::drop_if_over(const GuestPtr& guest) {
    bool over = false;
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        over = !guest->config && !guest->live && !guest->removed;
        handle = guest->handle;
    }
    if (!over) return;
    driver_.faults().declare(handle, {});
    table_.remove(*guest);
}

void Domains::show(Guest& guest) const {
    if (guest.removed || guest.handle == 0) return;
    pv_obj_update u{};
    u.size = sizeof u;
    u.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID;
    u.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART | PV_ATTR_UPDATED | PV_ATTR_DOM_MANAGED_SAVE |
                   PV_ATTR_DOM_AUTOSTART_ONCE | PV_ATTR_DOM_HAS_SNAPSHOT | PV_ATTR_DOM_HAS_CHECKPOINT;
    u.attrs = (guest.active() ? PV_ATTR_ACTIVE : 0) | (guest.config ? PV_ATTR_PERSISTENT : 0) |
              (guest.autostart ? PV_ATTR_AUTOSTART : 0) | (guest.updated ? PV_ATTR_UPDATED : 0) |
              (guest.saved ? PV_ATTR_DOM_MANAGED_SAVE : 0) | (guest.autostart_once ? PV_ATTR_DOM_AUTOSTART_ONCE : 0) |
              (guest.snapshots.empty() ? 0 : PV_ATTR_DOM_HAS_SNAPSHOT) | (guest.checkpoints.empty() ? 0 : PV_ATTR_DOM_HAS_CHECKPOINT);
    u.state = guest.state;
    u.reason = guest.reason;
    u.dom_id = guest.id;
    s_.registry->update(s_.host, guest.handle, &u);
}

void Domains::set_state(Guest& guest, std::int32_t state, std::int32_t reason) const {
    guest.state = state;
    guest.reason = reason;
    show(guest);
}

void Domains::post(const Guest& guest, std::int32_t event, const void* payload) const {
    pv_event e{};
    e.size = sizeof e;
    e.kind = PV_KIND_DOMAIN;
    e.id = event;
    e.dom_id = guest.id;
    e.object = guest.handle;
    std::copy(guest.uuid.bytes.begin(), guest.uuid.bytes.end(), e.uuid);
    e.name = guest.name.c_str();
    pv_event_domain_reboot empty{};
    empty.size = sizeof empty;
    e.payload = payload != nullptr ? payload : &empty;
    driver_.post(e);
}

void Domains::post_lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const {
    pv_event_domain_lifecycle payload{};
    payload.size = sizeof payload;
    payload.event = event;
    payload.detail = detail;
    post(guest, PV_EVENT_DOMAIN_LIFECYCLE, &payload);
}

void Domains::take_faults(Guest& guest, const Described& described) const {
    guest.faults = described.faults;
    guest.faults_text = described.faults_text;
    driver_.faults().declare(guest.handle, guest.faults);
    begin_fault_events(driver_, guest);
}

void Domains::boot(Guest& guest, DocumentPtr description, std::int32_t state, std::int32_t reason, std::int32_t detail) {
    auto live = std::make_shared<Domain>(*description);
    guest.inside.frozen.clear();
    guest.inside.dirty_seconds = 0;
    guest.inside.offline.clear();
    guest.id = next_id_.fetch_add(1);
    live->id = guest.id;
    guest.live = std::move(live);
    guest.updated = false;
    set_state(guest, state, reason);
    post_lifecycle(guest, PV_DOMAIN_EVENT_STARTED, detail);
    begin_fault_events(driver_, guest);
    if (state == PV_DOMAIN_PAUSED) post_lifecycle(guest, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

void Domains::end_viewers(Guest& guest) {
    for (const auto& [number, viewer] : guest.viewers) viewer->watch.reset();
    guest.viewers.clear();
}

void Domains::halt(Guest& guest, std::int32_t reason, std::int32_t detail) const {
    if (guest.autodestroy != 0) s_.client->forget(s_.host, guest.autodestroy, kAutodestroy, guest.handle);
    guest.autodestroy = 0;
    guest.migration.arriving = guest.migration.stopped = false;
    end_fault_events(driver_, guest);
    end_viewers(guest);
    guest.block_jobs.clear();
    guest.live = nullptr;
    guest.updated = false;
    guest.id = -1;
    set_state(guest, PV_DOMAIN_SHUTOFF, reason);
    post_lifecycle(guest, PV_DOMAIN_EVENT_STOPPED, detail);
}

namespace {

struct Which {
    bool live, config;
};

Result<Which> which(const Guest& guest, std::uint32_t flags) PV_REQUIRES(guest.mu) {
    Which w{(flags & PV_DOMAIN_AFFECT_LIVE) != 0, (flags & PV_DOMAIN_AFFECT_CONFIG) != 0};
    if (!w.live && !w.config) (guest.active() ? w.live : w.config) = true;
    if (w.live && !guest.active()) return not_running();
    if (w.config && !guest.config) return invalid("transient domains do not have any persistent config");
    return w;
}

} // namespace

Status Domains::edit(Guest& guest, std::uint32_t flags, const std::function<Status(Domain&)>& edit) const {
    PV_ASSIGN_OR_RETURN(const Which w, which(guest, flags));
    // Both are made before either is replaced: a refusal changes nothing.
    std::shared_ptr<Domain> live, config;
    if (w.live) {
        live = std::make_shared<Domain>(*guest.live);
        PV_TRY(edit(*live));
    }
    if (w.config) {
        config = std::make_shared<Domain>(*guest.config);
        PV_TRY(edit(*config));
    }
    if (live) guest.live = std::move(live);
    if (config) {
        guest.config = std::move(config);
        guest.updated = guest.active() && !w.live;
    }
    show(guest);
    return {};
}

Result<DocumentPtr> Domains::pick(const Guest& guest, std::uint32_t flags) const {
    if (guest.removed) return no_domain(guest);
    PV_ASSIGN_OR_RETURN(const Which w, which(guest, flags));
    return w.live ? guest.live : guest.config;
}

Status Domains::ready() { return {}; }
// Whoever waits for something long is told that it is over.
void Domains::stop() {
    for (const GuestPtr& guest : table_.all()) {
        end_job(driver_, guest, 0, make_error(ErrorCode::operation_aborted, ErrorDomain::test, "the test host is ending"));
        std::map<std::string, BlockJob> jobs;
        const ObjectLock lock(guest->mu);
        jobs.swap(guest->block_jobs);
        end_viewers(*guest);
        end_fault_events(driver_, *guest);
    }
}

void Domains::client_closed(std::uint64_t client, std::uint64_t object) {
    auto* data = static_cast<GuestPtr*>(s_.registry->pin(s_.host, object));
    if (data == nullptr) return;
    const GuestPtr guest = *data;
    s_.registry->unpin(s_.host, object);
    {
        const ObjectLock lock(guest->mu);
        if (!guest->active() || guest->autodestroy != client) return;
        halt(*guest, PV_DOMAIN_SHUTOFF_DESTROYED, PV_DOMAIN_EVENT_STOPPED_DESTROYED);
    }
    drop_if_over(guest);
}

} // namespace polyvirt::test
