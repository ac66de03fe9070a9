// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: what every hypervisor's driver knows of one of its domains, running or not. A driver's own guest has what runs it
// besides. Found in the driver's table; changed under its own lock.
//
//     struct Guest : sdk::Guest {
//         using sdk::Guest::Guest;
//         std::shared_ptr<Run> run PV_GUARDED_BY(mu);
//         Error gone() const override;
//     };

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/stream.h>

#include "sdk/domain/packed.h"
#include "sdk/object_table.h"
#include "sdk/operation.h"

namespace polyvirt::sdk {

struct Guest : Object {
    Guest(Uuid guest_uuid, std::string guest_name)
        : Object(guest_uuid, std::move(guest_name)), strand(UuidHash{}(guest_uuid) | 1U) {}

    // Writes of this guest's records are in the order of their submission to this strand.
    const std::uint64_t strand;

    // Descriptions are replaced, never changed in place: take a copy of the pointer and drop the lock.
    domain::PackedDomainPtr config PV_GUARDED_BY(mu);             // null: transient
    std::shared_ptr<const domain::Domain> live PV_GUARDED_BY(mu); // null: not running
    std::int32_t id PV_GUARDED_BY(mu) = -1;
    std::int32_t state PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF;
    std::int32_t reason PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF_UNKNOWN;
    bool autostart PV_GUARDED_BY(mu) = false;
    bool updated PV_GUARDED_BY(mu) = false;          // `config` was replaced while running
    std::uint64_t autodestroy PV_GUARDED_BY(mu) = 0; // the client whose end destroys it
    // Who has a console open, by alias; and the streams that are not closed yet (consoles.h).
    std::map<std::string, std::uint64_t> consoles PV_GUARDED_BY(mu);
    std::map<std::uint64_t, pv_stream*> streams PV_GUARDED_BY(mu);
    std::uint64_t next_stream PV_GUARDED_BY(mu) = 1;

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    // Of what runs, or else of what would be started; none if the guest has just gone.
    [[nodiscard]] std::optional<domain::Summary> summary() const PV_REQUIRES(mu) {
        if (live) return summarize(*live);
        return config ? std::optional(config->summary()) : std::nullopt;
    }
    // What is said of it when it went between the look-up and its turn.
    [[nodiscard]] virtual Error gone() const = 0;
    // Attributes in the registry that are this driver's own.
    struct Attributes {
        std::uint64_t known = 0, set = 0;
    };
    [[nodiscard]] virtual Attributes attributes() const PV_REQUIRES(mu) { return {}; }
};

// Of a call on the guest that runs, its configuration, or both.
inline constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

// What a call with AFFECT_* flags changes; neither flag means what the guest is in.
struct Affected {
    bool live = false, config = false;
};
// Errors: operation_invalid where the guest is not running, or has no persistent description.
[[nodiscard]] Result<Affected> affected_by(Guest& guest, std::uint32_t flags);
// The description that a reader means by its flags, `live` where it is that of the running guest. Errors: the same, and
// invalid_arg for both at once.
[[nodiscard]] Result<std::shared_ptr<const domain::Domain>> one_of(Guest& guest, std::uint32_t flags, bool* live = nullptr);
[[nodiscard]] Result<domain::Summary> summary_of(Guest& guest);

// The document that XML_* flags ask for. `format_live` writes that of a running guest.
using Format = std::string (*)(const domain::Domain&, const domain::FormatOptions&);
[[nodiscard]] Result<std::string> document_of(Guest& guest, std::uint32_t flags, Format format_live);

// Of a guest that does not run, as it is published.
pv_obj_desc published_as(std::uint64_t attributes);

// As Operation::start(), on a guest that is still there when its job is granted.
pv_status with_job(const plugin::Services& s, const plugin::Loop& loop, const Operation::Options& options,
                   std::shared_ptr<Guest> guest, Operation::Body body) PV_NO_LOCKS_HELD;

} // namespace polyvirt::sdk
