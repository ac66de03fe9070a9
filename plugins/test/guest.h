// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: one domain of the imaginary host, running or not. Found in Domains; changed under its own lock.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/loop.h>

#include "fault_document.h"
#include "sdk/domain/domain.h"
#include "sdk/object_table.h"

namespace polyvirt::test {

using sdk::domain::Domain;
using DocumentPtr = std::shared_ptr<const Domain>;

// What host.client tells us of: guests that end with the client that started them.
inline constexpr std::uint32_t kAutodestroy = 1;

struct Guest : sdk::Object, std::enable_shared_from_this<Guest> {
    using Object::Object;

    // Descriptions are replaced, never changed in place: take a copy of the pointer and drop the lock.
    DocumentPtr config PV_GUARDED_BY(mu); // null: transient
    DocumentPtr live PV_GUARDED_BY(mu);   // null: not running
    std::int32_t id PV_GUARDED_BY(mu) = -1;
    std::int32_t state PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF;
    std::int32_t reason PV_GUARDED_BY(mu) = PV_DOMAIN_SHUTOFF_UNKNOWN;
    bool autostart PV_GUARDED_BY(mu) = false;
    bool autostart_once PV_GUARDED_BY(mu) = false;
    bool updated PV_GUARDED_BY(mu) = false;           // `config` was replaced while running
    std::uint64_t autodestroy PV_GUARDED_BY(mu) = 0;  // the client whose end destroys it
    DocumentPtr saved PV_GUARDED_BY(mu);              // managed save; null: none
    // What is declared to go wrong, and how it stood in the document.
    FaultSet faults PV_GUARDED_BY(mu);
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    [[nodiscard]] const DocumentPtr& current() const PV_REQUIRES(mu) { return live ? live : config; }
};
using GuestPtr = std::shared_ptr<Guest>;

} // namespace polyvirt::test
