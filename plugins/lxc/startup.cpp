// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the driver does before the first client comes in: reads what users defined, finds what still runs, starts what
// should run. What cannot be read is set aside by name; the rest goes on.

#include <utility>

#include <polyvirt/abi/entry.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "container/container.h"
#include "container/status.h"
#include "driver.h"
#include "sdk/domain/notes.h"

namespace polyvirt::lxc {
namespace {

constexpr const char* kAutostarted = "autostarted";

// "NAME.suffix" -> NAME; empty if it is something else's.
std::string stem(const std::string& record, std::string_view suffix) {
    const std::size_t slash = record.rfind('/');
    const std::string name = slash == std::string::npos ? record : record.substr(slash + 1);
    if (name.size() <= suffix.size() || !name.ends_with(suffix)) return {};
    return name.substr(0, name.size() - suffix.size());
}

} // namespace

void Driver::load_configs() {
    const Status read =
        configs_.each("", [this](const std::string& name, std::string_view xml) { load_config(name, xml); });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_config(const std::string& name, std::string_view xml) {
    const std::string guest_name = stem(name, ".xml");
    if (guest_name.empty()) return;
    // Completed when it was defined, so it is taken as it is.
    auto parsed = sdk::domain::parse_domain(xml);
    if (!parsed) return configs_.set_aside(name, parsed.error().message);
    Domain& d = parsed->domain;
    d.notes = sdk::domain::notes_of(xml);
    if (d.name != guest_name || !d.uuid)
        return configs_.set_aside(name, fmt::format("it describes the domain '{}', not '{}'", d.name, guest_name));
    auto packed = sdk::domain::PackedDomain::pack(d, xml);
    if (!packed) return log::error("startup", "domain '{}' is not loaded: {}", d.name, packed.error().message);
    auto guest = std::make_shared<Guest>(*d.uuid, d.name);
    {
        const ObjectLock lock(guest->mu);
        guest->config = *std::move(packed);
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.attrs = PV_ATTR_PERSISTENT;
    const auto added = guests_.add(guest, nullptr, desc);
    if (!added) configs_.set_aside(name, added.error().message);
}

void Driver::load_autostart() {
    const Status read = configs_.each("autostart", [this](const std::string& record, std::string_view text) {
        const std::string name = stem(record, ".xml");
        const auto uuid = Uuid::parse(text.substr(0, text.find('\n')));
        const GuestPtr guest = uuid ? guests_.find(*uuid) : nullptr;
        if (!guest || guest->name != name)
            return log::warning("startup", "autostart record '{}' belongs to no domain", record);
        const ObjectLock lock(guest->mu);
        guest->autostart = true;
        show(*guest);
    });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_statuses() {
    const Status read =
        statuses_.each("", [this](const std::string& name, std::string_view text) { load_status(name, text); });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_status(const std::string& name, std::string_view text) {
    if (stem(name, ".json").empty()) return;
    auto record = parse_status(text);
    if (!record) return statuses_.set_aside(name, record.error().message);
    auto live = sdk::domain::parse_domain(record->xml, {.inactive = false});
    if (!live) return statuses_.set_aside(name, live.error().message);
    live->domain.notes = sdk::domain::notes_of(record->xml);
    if (live->domain.name != record->name || live->domain.uuid != record->uuid)
        return statuses_.set_aside(name, "name or uuid of record and description differ");
    if (record->id >= next_id_) next_id_ = record->id + 1;
    auto guest = std::make_shared<Guest>(record->uuid, record->name);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    auto added = guests_.add(guest, nullptr, desc);
    if (!added) return statuses_.set_aside(name, added.error().message);
    guest = added->object;
    const auto container = std::make_shared<Container>(*this, guest, record->id);
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
        guest->live = std::make_shared<const Domain>(std::move(live->domain));
        guest->container = container;
        guest->id = record->id;
        set_state(*guest, record->state, record->reason);
    }
    // Whoever calls while it is found again waits for this job. A start that was cut off ends here: nothing of it is
    // left.
    sdk::Operation::start(s_, loop_, {.object = handle, .what = "reconnect"},
                          [container, record = *record](const sdk::OperationPtr& op) { container->adopt(op, record); });
}

// Once per boot of the host: the marker goes with the records of what runs. A guest that somebody has stopped is not
// started again because the daemon was.
void Driver::autostart_guests() {
    const auto marker = statuses_.get(kAutostarted, 100);
    if (!marker || *marker) return;
    if (const Status put = statuses_.put(kAutostarted, "1\n"); !put) log::error("startup", "{}", put.error().message);
    for (const GuestPtr& guest : guests_.all()) {
        std::uint64_t handle = 0;
        {
            const ObjectLock lock(guest->mu);
            if (!guest->autostart || guest->active()) continue;
            handle = guest->handle;
        }
        sdk::Operation::start(s_, loop_, {.object = handle, .what = "autostart"},
                              [this, guest](const sdk::OperationPtr& op) {
                                  // On a worker, wherever the job was granted.
                                  if (!plugin::submit(s_, 0, [this, op, guest] { start_defined(op, guest, {}); }))
                                      start_defined(op, guest, {});
                              });
    }
}

} // namespace polyvirt::lxc
