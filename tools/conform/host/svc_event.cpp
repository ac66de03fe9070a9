// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.event/1: what is posted has to agree with what the registry shows at that moment.

#include <algorithm>
#include <cstring>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/events.h>

#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

pv_queue* queue_new(pv_host* host, const char* name) noexcept {
    const Service service("event.queue_new");
    if (service.fails()) return nullptr;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return nullptr;
    pv_queue* q = world().handles.add(std::make_unique<pv_queue>(), "event queue");
    q->host = host;
    q->name = name != nullptr ? name : "";
    return q;
}

void queue_free(pv_queue* queue) noexcept {
    const Service service("event.queue_free");
    const LeafLock lock(g_mu);
    if (world().handles.valid(queue, service) != nullptr) queue->gone = true;
}

// What a lifecycle event says and the registry has to show. -1: does not matter.
struct Shown {
    std::uint32_t kind;
    int event;
    int there, active, persistent, state;
};
constexpr Shown kShown[] = {
    {PV_KIND_DOMAIN, 0, 1, -1, 1, -1},  // defined
    {PV_KIND_DOMAIN, 1, -1, -1, 0, -1}, // undefined
    {PV_KIND_DOMAIN, 2, 1, 1, -1, -1},  // started
    {PV_KIND_DOMAIN, 3, 1, 1, -1, 3},   // suspended
    {PV_KIND_DOMAIN, 4, 1, 1, -1, 1},   // resumed
    {PV_KIND_DOMAIN, 5, -1, 0, -1, -1}, // stopped
    {PV_KIND_NETWORK, 0, 1, -1, 1, -1}, {PV_KIND_NETWORK, 1, -1, -1, 0, -1}, {PV_KIND_NETWORK, 2, 1, 1, -1, -1},
    {PV_KIND_NETWORK, 3, -1, 0, -1, -1}, {PV_KIND_POOL, 0, 1, -1, 1, -1},    {PV_KIND_POOL, 1, -1, -1, 0, -1},
    {PV_KIND_POOL, 2, 1, 1, -1, -1},     {PV_KIND_POOL, 3, -1, 0, -1, -1},
};

void check_shown(const EventSpec& spec, int event, const Object& o) {
    for (const Shown& s : kShown) {
        if (s.kind != spec.kind || s.event != event) continue;
        const bool there = !o.retired;
        const bool active = there && (o.attrs & PV_ATTR_ACTIVE) != 0, persistent = there && (o.attrs & PV_ATTR_PERSISTENT) != 0;
        const auto wrong = [](int wanted, bool is) { return wanted >= 0 && (wanted != 0) != is; };
        std::string why;
        if (wrong(s.there, there)) why = "is not there";
        else if (wrong(s.active, active)) why = active ? "is still active" : "is not active";
        else if (wrong(s.persistent, persistent)) why = persistent ? "is still persistent" : "is not persistent";
        else if (s.state >= 0 && o.state != s.state) why = fmt::format("has state {}, not {}", o.state, s.state);
        if (!why.empty())
            complain("events.after_registry", "{} event {} of '{}' posted while the registry still shows that it {}", spec.name, event, o.name, why);
    }
}

// A guest that wakes has "started" without having stopped: it was asleep.
void check_order(const EventSpec& spec, int event, int detail, Object& o) {
    if (event == PV_DOMAIN_EVENT_STARTED && detail == PV_DOMAIN_EVENT_STARTED_WAKEUP) return;
    if (spec.kind != PV_KIND_DOMAIN || (event != 2 && event != 5)) return;
    if (o.last_event == event) complain("events.order", "domain '{}': {} twice in a row", o.name, event == 2 ? "started" : "stopped");
    o.last_event = event;
}

void check_texts(const EventSpec& spec, const void* payload) {
    for (const FieldSpec& f : spec.fields) {
        if (f.type != FieldType::text) continue;
        const char* text = nullptr;
        std::memcpy(&text, static_cast<const char*>(payload) + f.offset, sizeof text);
        if (text == nullptr) complain("events.payload", "{}: the text '{}' is null", spec.name, f.name);
    }
}

pv_status post(pv_queue* queue, const pv_event* e) noexcept {
    const Service service("event.post");
    if (service.fails()) return PV_FAIL;
    const LeafLock lock(g_mu);
    if (world().handles.valid(queue, service) == nullptr) return PV_ABI;
    if (e == nullptr || e->size < offsetof(pv_event, keys)) {
        complain("events.payload", "event.post: null or too short");
        return PV_ABI;
    }
    ++queue->host->events;
    ++world().activity;
    if (e->kind == PV_KIND_NONE) return PV_OK;
    const EventSpec* spec = find_event(e->kind, e->id);
    if (spec == nullptr) {
        complain("events.payload", "event.post: {} events have no number {}", kind_name(e->kind), e->id);
        return PV_ABI;
    }
    fact("events", spec->name);
    std::uint32_t size = 0;
    if (e->payload != nullptr) std::memcpy(&size, e->payload, sizeof size);
    if (size < spec->size && !(e->payload == nullptr && spec->fields.empty())) {
        complain("events.payload", "{}: {}, its struct has {} bytes", spec->name,
                 e->payload == nullptr ? "no payload" : fmt::format("a payload that says it has {} bytes", size), spec->size);
        return PV_ABI;
    }
    if (e->payload != nullptr) check_texts(*spec, e->payload);
    const auto at = queue->host->objects.find(e->object);
    if (at == queue->host->objects.end()) {
        complain("events.payload", "{}: there never was an object {}", spec->name, e->object);
        return PV_OK;
    }
    Object& o = *at->second;
    if (e->name == nullptr || o.name != e->name) complain("events.payload", "{}: the event says '{}', its object is '{}'", spec->name, e->name != nullptr ? e->name : "(null)", o.name);
    if (std::memcmp(e->uuid, o.uuid.data(), 16) != 0) complain("events.payload", "{}: another uuid than that of '{}'", spec->name, o.name);
    if (e->id == 0 && !spec->fields.empty() && e->payload != nullptr) {
        std::int32_t event = 0, detail = 0;
        std::memcpy(&event, static_cast<const char*>(e->payload) + spec->fields[0].offset, sizeof event);
        if (spec->fields.size() > 1 && spec->fields[1].type != FieldType::text)
            std::memcpy(&detail, static_cast<const char*>(e->payload) + spec->fields[1].offset, sizeof detail);
        check_shown(*spec, event, o);
        check_order(*spec, event, detail, o);
    }
    return PV_OK;
}

// Somebody listens always, so that all events are seen; but when this one is made to fail, nobody.
std::int32_t wanted(pv_queue* queue, std::uint32_t kind, std::int32_t id) noexcept {
    const Service service("event.wanted");
    const LeafLock lock(g_mu);
    if (world().handles.valid(queue, service) == nullptr) return 0;
    if (kind != PV_KIND_NONE && find_event(kind, id) == nullptr)
        complain("services.arguments", "event.wanted: {} events have no number {}", kind_name(kind), id);
    return service.fails() ? 0 : 1;
}

} // namespace

const pv_svc_event kEvent = {sizeof(pv_svc_event), 0, queue_new, queue_free, post, wanted};

} // namespace polyvirt::conform
