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

} // namespace

Error Guest::gone() const {
    return make_error(ErrorCode::no_domain, ErrorDomain::lxc, "No domain with matching uuid '{}' ({})",
                      uuid.to_string(), name);
}

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::lxc, "{}", text); }

Driver::Driver(const plugin::Services& services)
    : DriverBase(services), notices_(s_), statuses_(s_, PV_STATE_STATUS, ErrorDomain::lxc),
      guests_(s_, PV_KIND_DOMAIN, ErrorDomain::lxc, "domain"),
      definitions_(s_, loop_, guests_, notices_, ErrorDomain::lxc) {}

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
    if (!loop_ || !notices_.start("lxc"))
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                          "the host has no loop or event queue for the driver");
    const char* const run = s_.paths->dir(s_.host, PV_PATH_RUN);
    tree_ = sdk::cgroup::Tree::of_this_process(sdk::cgroup::prefix_of(run != nullptr ? run : "", kUsualRunFolder), ErrorDomain::lxc);
    if (const Status ready = tree_.prepare(); !ready) log::warning("lxc", "control groups: {}", ready.error().message);
    networks_ = follow_networks(*this);
    definitions_.load();
    const Status read =
        statuses_.each("", [this](const std::string& name, std::string_view text) { load_status(name, text); });
    if (!read) log::error("startup", "{}", read.error().message);
    definitions_.autostart(statuses_, 0, [this](const sdk::OperationPtr& op, const GuestPtr& guest) {
        start_defined(op, guest, {});
    });
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
    // In every hierarchy, as liblxc makes groups of its own in all of them, below the one that it finds itself in.
    return tree_.guest(domain.partition.empty() ? std::string_view("/machine") : std::string_view(domain.partition),
                       sdk::cgroup::group_name("lxc", id, domain.name), sdk::cgroup::Tree::Reach::every_hierarchy);
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
    return complete(domain);
}

Status Driver::edit_config(const GuestPtr& guest, pv_call* call, const Edit& edit) {
    PV_ASSIGN_OR_RETURN(Domain domain, definitions_.copy(guest));
    PV_TRY(edit(domain));
    PV_TRY(settle(domain));
    return definitions_.put(guest, domain, call);
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
    notices_.show(guest);
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
