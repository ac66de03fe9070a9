// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Net: one network, active or not, with its ports. Found in the driver's table; changed under its own lock by whoever
// holds its job.

#include <cstdint>
#include <map>
#include <memory>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/process.h>

#include "allocate.h"
#include "functions.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"
#include "sdk/object_table.h"

namespace polyvirt::network {

namespace doc = sdk::network;

// Replaced, never changed in place: take a copy of the pointer and drop the lock.
using Document = std::shared_ptr<const doc::Network>;

struct Net;

// What the registry hands back for a port. Its fields are guarded by the network's lock.
struct NetPort {
    std::weak_ptr<Net> network;
    Uuid uuid;
    std::uint64_t handle = 0;
    doc::Port document;
};
using NetPortPtr = std::shared_ptr<NetPort>;

struct Net : sdk::Object {
    using Object::Object;

    Document config PV_GUARDED_BY(mu); // null: transient
    Document live PV_GUARDED_BY(mu);   // null: not active
    Document walled PV_GUARDED_BY(mu); // what the firewall has rules for: from before it is active until after
    Functions functions PV_GUARDED_BY(mu); // of the live one
    bool autostart PV_GUARDED_BY(mu) = false;
    std::map<Uuid, NetPortPtr> ports PV_GUARDED_BY(mu);
    // Who answers for addresses and names; null: nobody.
    std::shared_ptr<plugin::ChildProcess> server PV_GUARDED_BY(mu);
    plugin::Watch server_timer PV_GUARDED_BY(mu);    // until it is started again
    std::int64_t server_since PV_GUARDED_BY(mu) = 0; // ns of the loop's clock
    int server_ends PV_GUARDED_BY(mu) = 0;           // by itself, soon, in a row

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    [[nodiscard]] const Document& current() const PV_REQUIRES(mu) { return live ? live : config; }
    // How many ports there are on each of the host's devices.
    [[nodiscard]] Uses uses() const PV_REQUIRES(mu) {
        Uses all;
        for (const auto& [id, port] : ports) {
            if (!port->document.plug) continue;
            const doc::Plug& plug = *port->document.plug;
            if (!plug.dev.empty()) ++all[plug.dev];
            if (plug.address) ++all[pci_name(*plug.address)];
        }
        return all;
    }
};
using NetPtr = std::shared_ptr<Net>;

} // namespace polyvirt::network
