// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The firewall of all networks: one table, written as a whole by one thread at a time.

#include <utility>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::network {
namespace {

constexpr std::uint64_t kStrand = 0x6e667461; // of all that touches the table

} // namespace

Driver::Task Driver::apply_walls(pv_call* call) {
    (void)co_await sdk::on_worker(s_, kStrand);
    const Status done = write_walls(call);
    (void)co_await sdk::on_worker(s_, 0); // others may have the strand
    co_return done;
}

Status Driver::write_walls(pv_call* call) {
    std::vector<Document> walled;
    for (const NetPtr& net : nets_.all()) {
        const ObjectLock lock(net->mu);
        if (net->walled) walled.push_back(net->walled);
    }
    PV_TRY(firewall_.write(call, walled));
    if (!walled.empty()) firewall_.tell_hindrances();
    return {};
}

// [loop] Other firewalls flush what they find, and guests are off line until somebody thinks of it.
void Driver::walls_touched() {
    plugin::submit(s_, kStrand, [this] {
        if (!firewall_.changed()) return;
        const Status written = write_walls(nullptr);
        if (written)
            log::warning("firewall", "somebody else has changed the rules of networks; they are as they were again");
        else
            log::error("firewall", "somebody else has changed the rules of networks, and they cannot be put back: {}",
                       written.error().message);
    });
}

} // namespace polyvirt::network
