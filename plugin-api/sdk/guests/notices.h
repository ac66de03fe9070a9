// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// GuestNotices: what others see of a driver's guests, the registry and the clients that listen. Under the guest's lock;
// leaf.

#include <cstdint>

#include <polyvirt/event.h>

#include "sdk/guests/guest.h"

namespace polyvirt::sdk {

class GuestNotices {
  public:
    explicit GuestNotices(const plugin::Services& s) : s_(s) {}
    // With the driver's start. False: the host has no queue for it.
    [[nodiscard]] bool start(const char* name) {
        events_ = plugin::EventQueue(s_, name);
        return static_cast<bool>(events_);
    }

    // Whether anybody listens for an event that comes often or takes something to make.
    [[nodiscard]] bool wanted(std::int32_t id) const { return events_.wanted(PV_KIND_DOMAIN, id); }
    // Brings the registry up to date with the guest.
    void show(const Guest& guest) const PV_REQUIRES(guest.mu);
    void lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const PV_REQUIRES(guest.mu);
    // `payload`: the struct that events.h has for `id`.
    template <typename Payload>
    void post(const Guest& guest, std::int32_t id, const Payload& payload) const PV_REQUIRES(guest.mu) {
        events_.post(PV_KIND_DOMAIN, id,
                     {.handle = guest.handle, .uuid = guest.uuid, .name = guest.name, .dom_id = guest.id}, payload);
    }

  private:
    const plugin::Services& s_;
    plugin::EventQueue events_;
};

} // namespace polyvirt::sdk
