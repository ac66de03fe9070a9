// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: one domain, running or not. Found in the driver's table; changed under its own lock.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/stream.h>

#include "sdk/domain/packed.h"
#include "sdk/object_table.h"

namespace polyvirt::lxc {

using sdk::domain::Domain;
class Container;
using ContainerPtr = std::shared_ptr<Container>;

// What host.client tells us of: guests that end with the client that started them.
inline constexpr std::uint32_t kAutodestroy = 1;

struct Guest : sdk::Object, std::enable_shared_from_this<Guest> {
    Guest(Uuid guest_uuid, std::string guest_name)
        : Object(guest_uuid, std::move(guest_name)), strand(UuidHash{}(guest_uuid) | 1U) {}

    // Writes of this guest's records are in the order of their submission to this strand.
    const std::uint64_t strand;

    // Descriptions are replaced, never changed in place: take a copy of the pointer and drop the lock.
    sdk::domain::PackedDomainPtr config PV_GUARDED_BY(mu); // null: transient
    std::shared_ptr<const Domain> live PV_GUARDED_BY(mu);  // null: not running
    ContainerPtr container PV_GUARDED_BY(mu);              // set exactly while `live` is
    std::int32_t id PV_GUARDED_BY(mu) = -1;
    std::int32_t state PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF;
    std::int32_t reason PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF_UNKNOWN;
    bool autostart PV_GUARDED_BY(mu) = false;
    bool updated PV_GUARDED_BY(mu) = false;          // `config` was replaced while running
    std::uint64_t autodestroy PV_GUARDED_BY(mu) = 0; // the client whose end destroys it
    // Who has a console open, by alias; and the streams that are not closed yet.
    std::map<std::string, std::uint64_t> consoles PV_GUARDED_BY(mu);
    std::map<std::uint64_t, pv_stream*> streams PV_GUARDED_BY(mu);
    std::uint64_t next_stream PV_GUARDED_BY(mu) = 1;

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    // Of what runs, or else of what would be started; none if the guest has just gone.
    [[nodiscard]] std::optional<sdk::domain::Summary> summary() const PV_REQUIRES(mu) {
        if (live) return summarize(*live);
        return config ? std::optional(config->summary()) : std::nullopt;
    }
};
using GuestPtr = std::shared_ptr<Guest>;

} // namespace polyvirt::lxc
