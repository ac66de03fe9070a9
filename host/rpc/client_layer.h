// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a client has of its transport beside the socket. AfterWrite: what is left to do, without its lock,
// when something was sent. ClientLayer: what it has of a layer. All null on a plain connection, which never looks further
// than that. Beside it, under the client's lock: `handshaking_` (nothing is written yet) and `held_` (`out`
// has bytes that the socket did not take).

#include <atomic>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "host/rpc/layer_output.h"
#include "host/rpc/output_queue.h"
#include "host/rpc/tls_session.h"

namespace polyvirt::rpc {

struct AfterWrite {
    std::vector<OutputQueue::Chunk> done; // destroyed without the lock
    UniqueFd fd;
    bool stop = false, update = false, flushed = false;
    int error = 0;
};

struct ClientLayer {
    // Set at accept, or once by Client::reply_then_layer() before others may see them.
    std::unique_ptr<Layer> layer;
    std::unique_ptr<LayerOutput> out;     // the writer's; rpc-loop's during a handshake
    std::atomic<Layer*> reading{nullptr}; // what rpc-loop reads through
    // rpc-loop only: the layer while its handshake lasts, and whether a worker computes for it.
    TlsSession* handshake = nullptr;
    bool computing = false;
};

} // namespace polyvirt::rpc
