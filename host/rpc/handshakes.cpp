// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which TLS handshakes compute. A step of one signs or verifies, which is much processor time for a loop:
// too long for rpc-loop, and too long to let every newcomer have a worker. Priority workers do it, as
// it never waits, and a few at a time, so that calls find some of these workers free.
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {

void ServerShared::compute_handshake(ClientPtr client) {
    handshakes_waiting.push_back(std::move(client));
    start_handshakes();
}

void ServerShared::start_handshakes() {
    unsigned most = 0;
    {
        ServerLock lock(mu);
        most = limits_.max_handshakes;
    }
    while (handshakes_running < most && !handshakes_waiting.empty()) {
        const ClientPtr client = std::move(handshakes_waiting.front());
        handshakes_waiting.pop_front();
        if (client->is_closed())
            continue;
        const bool taken = pool.submit(
            [self = shared_from_this(), client] {
                const auto progress = client->layer_.handshake->step();
                self->loop.post([self, client, progress] {
                    --self->handshakes_running;
                    client->handshake_computed(progress);
                    self->start_handshakes();
                });
            },
            true);
        if (taken)
            ++handshakes_running;
        else
            client->close("too many calls wait in the daemon to take its TLS handshake");
    }
}

} // namespace polyvirt::rpc
