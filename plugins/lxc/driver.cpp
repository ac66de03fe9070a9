// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/log.h"
#include "container/container.h"
#include "container/ports.h"
#include "container/status.h"
#include "documents/settle.h"
#include "sdk/domain/notes.h"
#include "sdk/domain/passes.h"

namespace polyvirt::lxc {
namespace {

constexpr const char* kUsualRunFolder = "/run/polyvirt/lxc";
constexpr std::size_t kNameMax = 60;

// Daemons with state of their own on one host (--root) number their guests alike, so each has a folder more.
std::string prefix_of(const std::string& run_folder) {
    if (run_folder == kUsualRunFolder) return {};
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : run_folder) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("/polyvirt-{:016x}", hash);
}

} // namespace

Error no_domain(const Guest& guest) {
    return make_error(ErrorCode::no_domain, ErrorDomain::lxc, "No domain with matching uuid '{}' ({})",
                      guest.uuid.to_string(), guest.name);
}

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::lxc, "{}", text); }

Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function) {
    if ((flags & ~known) == 0) return {};
    return Error{.code = ErrorCode::invalid_arg,
                 .domain = ErrorDomain::lxc,
                 .message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, function)};
}

Driver::Driver(const plugin::Services& services)
    : DriverBase(services), configs_(s_, PV_STATE_CONFIG, ErrorDomain::lxc),
      statuses_(s_, PV_STATE_STATUS, ErrorDomain::lxc), guests_(s_, PV_KIND_DOMAIN, ErrorDomain::lxc, "domain") {}

Driver::~Driver() {
    // A running guest and its container hold each other until it ends; here only the daemon does.
    for (const GuestPtr& guest : guests_.all()) {
        ContainerPtr container; // let go without the lock
        const ObjectLock lock(guest->mu);
        container.swap(guest->container);
    }
}

Status Driver::start(pv_call*, std::uint32_t) {
    // Not in the constructor: create() acquires nothing.
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "lxc");
    events_ = plugin::EventQueue(s_, "lxc");
    if (!loop_ || !events_)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                          "the host has no loop or event queue for the driver");
    const char* const run = s_.paths->dir(s_.host, PV_PATH_RUN);
    tree_ = sdk::cgroup::Tree::of_this_process(prefix_of(run != nullptr ? run : ""));
    if (const Status ready = tree_.prepare(); !ready) log::warning("lxc", "control groups: {}", ready.error().message);
    networks_ = follow_networks(*this);
    load_configs();
    load_autostart();
    load_statuses();
    autostart_guests();
    return {};
}

// Containers go on; their records say all that the next daemon must know.
void Driver::stop(std::uint32_t why) {
    networks_.reset();
    for (const GuestPtr& guest : guests_.all()) {
        ContainerPtr container;
        {
            const ObjectLock lock(guest->mu);
            container = guest->container;
        }
        if (!container) continue;
        if (why == PV_STOP_SESSION_END)
            container->destroy([](const Status&) {});
        else
            container->detach();
    }
}

sdk::cgroup::Group Driver::group(const Domain& domain, std::int32_t id) const {
    std::string safe;
    for (const char c : domain.name.substr(0, kNameMax))
        safe += c == '/' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ? '_' : c;
    // In every hierarchy, as liblxc makes groups of its own in all of them, below the one that it finds itself in.
    return tree_.guest(domain.partition.empty() ? std::string_view("/machine") : std::string_view(domain.partition),
                       fmt::format("lxc-{}-{}", id, safe), sdk::cgroup::Tree::Reach::every_hierarchy);
}

std::optional<std::int64_t> Driver::init_of(const std::string& name) const {
    for (const GuestPtr& guest : guests_.all()) {
        if (guest->name != name) continue;
        const ObjectLock lock(guest->mu);
        if (guest->container && guest->container->init() != 0) return guest->container->init();
    }
    return std::nullopt;
}

Result<Domain> Driver::parse(std::string_view xml, bool validate) const {
    // In the same words whether the whole document is validated or not.
    if (const auto head = sdk::domain::read_head(xml); head && head->name.find('/') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain, "name {} cannot contain '/'", head->name);
    PV_ASSIGN_OR_RETURN(auto parsed, sdk::domain::parse_domain(xml, {.validate = validate}));
    Domain& d = parsed.domain;
    d.notes = sdk::domain::notes_from(parsed.messages);
    if (validate) PV_TRY(sdk::domain::validate_shape(d));
    PV_TRY(check_type(d));
    PV_TRY(settle(d));
    return std::move(d);
}

Status Driver::settle(Domain& domain) {
    PV_TRY(complete(domain));
    return lxc::validate(domain);
}

Status Driver::edit_config(const GuestPtr& guest, pv_call* call, const Edit& edit) {
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->removed) config = guest->config;
    }
    if (!config) return invalid("transient domains do not have any persistent config");
    PV_ASSIGN_OR_RETURN(Domain domain, config->unpack());
    PV_TRY(edit(domain));
    PV_TRY(settle(domain));
    return put_config(guest, domain, call);
}

Status Driver::edit_live(const GuestPtr& guest, const Edit& edit) {
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live) return invalid("domain is not running");
        auto live = std::make_shared<Domain>(*guest->live);
        PV_TRY(edit(*live));
        guest->live = std::move(live);
    }
    return save_status(guest, nullptr);
}

void Driver::set_state(Guest& guest, std::int32_t state, std::int32_t reason) const {
    guest.state = state;
    guest.reason = reason;
    show(guest);
}

void Driver::show(Guest& guest) const {
    if (guest.removed || guest.handle == 0) return;
    pv_obj_update u{};
    u.size = sizeof u;
    u.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID;
    u.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART | PV_ATTR_UPDATED;
    u.attrs = (guest.active() ? PV_ATTR_ACTIVE : 0) | (guest.config ? PV_ATTR_PERSISTENT : 0) |
              (guest.autostart ? PV_ATTR_AUTOSTART : 0) | (guest.updated ? PV_ATTR_UPDATED : 0);
    u.state = guest.state;
    u.reason = guest.reason;
    u.dom_id = guest.id;
    s_.registry->update(s_.host, guest.handle, &u);
}

void Driver::post_lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const {
    pv_event_domain_lifecycle payload{};
    payload.event = event;
    payload.detail = detail;
    post_event(guest, PV_EVENT_DOMAIN_LIFECYCLE, payload);
}

Status Driver::save_status(const GuestPtr& guest, pv_call* call) const {
    StatusRecord record;
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        if (live) {
            record.id = guest->id;
            record.state = guest->state;
            record.reason = guest->reason;
            guest->container->describe(record);
        }
    }
    if (!live) return statuses_.remove(status_record(guest->name));
    record.name = guest->name;
    record.uuid = guest->uuid;
    record.xml = sdk::domain::with_notes(format_domain(*live, {.inactive = false, .secure = true}), live->notes);
    return statuses_.put(status_record(guest->name), format_status(record), call);
}

pv_status Driver::give(pv_call* call, pv_sink* sink, std::string_view text) const {
    if (plugin::write(s_, sink, text)) return PV_OK;
    return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                                   "an answer of {} bytes is more than a reply can carry", text.size()));
}

pv_status Driver::with_job(pv_call* call, const pv_obj* obj, const char* what, Body body) const {
    const GuestPtr guest = guest_of(obj);
    return sdk::Operation::start(s_, loop_, {.call = call, .object = obj->handle, .what = what},
                                 [this, guest, body = std::move(body)](const sdk::OperationPtr& op) {
                                     bool removed = false;
                                     {
                                         const ObjectLock lock(guest->mu);
                                         removed = guest->removed;
                                     }
                                     if (removed) return op->finish(no_domain(*guest));
                                     // On a worker, wherever the job was granted.
                                     const auto run = [body, op, guest] { body(op, guest); };
                                     if (!loop_.on_loop()) return run();
                                     if (!plugin::submit(s_, 0, run)) run();
                                 });
}

void Driver::client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object) {
    auto* data = static_cast<GuestPtr*>(s_.registry->pin(s_.host, object));
    if (data == nullptr) return;
    const GuestPtr guest = *data;
    s_.registry->unpin(s_.host, object);
    ContainerPtr container;
    {
        const ObjectLock lock(guest->mu);
        if (kind == kAutodestroy && guest->active() && guest->autodestroy == client) container = guest->container;
    }
    if (container) container->destroy([](const Status&) {});
}

} // namespace polyvirt::lxc
