// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// EventQueue: RAII over host.event. Post when the registry shows the change, under the object's lock if you like: leaf.
//
//     events_.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE, {.handle = h, .uuid = uuid, .name = name, .dom_id = 3},
//                  pv_event_domain_lifecycle{.event = 2, .detail = 0});

#include <cstdint>
#include <span>

#include <polyvirt/abi/gen/events.h>
#include <polyvirt/handle.h>

#include "base/uuid.h"

namespace polyvirt::plugin {

// Of whom an event tells.
struct Subject {
    std::uint64_t handle = 0;
    const Uuid& uuid;
    const std::string& name;
    std::int32_t dom_id = -1;
    std::span<const pv_key> keys{}; // secrets
};

namespace detail {
inline void free_queue(const pv_svc_event* svc, pv_queue* queue) { svc->queue_free(queue); }
} // namespace detail

class EventQueue : public Handle<pv_svc_event, pv_queue, &detail::free_queue> {
  public:
    EventQueue() = default;
    // Null afterwards if out of memory. `name` is for figures and logs.
    EventQueue(const Services& s, const char* name) : Handle(s.event, s.event->queue_new(s.host, name)) {}

    // Whether anybody would be told. Asked before an event is made whose making takes something; post() asks too.
    [[nodiscard]] bool wanted(std::uint32_t kind, std::int32_t id) const {
        return ptr_ != nullptr && (svc_->wanted == nullptr || svc_->wanted(ptr_, kind, id) != 0);
    }
    // `payload`: the struct that events.h gives for (kind, id); its size is filled in. False: the host does not take it.
    template <typename Payload>
    bool post(std::uint32_t kind, std::int32_t id, const Subject& of, Payload payload) const {
        if (ptr_ != nullptr && !wanted(kind, id)) return true;
        payload.size = sizeof payload;
        pv_event event{};
        event.size = sizeof event;
        event.kind = kind;
        event.id = id;
        event.dom_id = of.dom_id;
        event.object = of.handle;
        std::copy(of.uuid.bytes.begin(), of.uuid.bytes.end(), event.uuid);
        event.name = of.name.c_str();
        event.payload = &payload;
        event.keys = of.keys.data();
        event.nkeys = static_cast<std::uint32_t>(of.keys.size());
        return ptr_ != nullptr && svc_->post(ptr_, &event) == PV_OK;
    }
};

} // namespace polyvirt::plugin
