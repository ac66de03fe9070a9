// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Limits: every number that bounds what clients of one server may cost. A plain value; a server
// hands a copy to each client and may replace it while running (Server::set_limits). Bytes and
// counts unless the type says otherwise.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace polyvirt::rpc {

struct Limits {
    // Connections of one server. Over either limit the oldest client that has said nothing or not
    // authenticated makes room; if there is none, the newcomer is closed. `reserved_clients` come
    // on top of max_clients, for root and the daemon's own user.
    unsigned max_clients = 5000;
    unsigned max_anonymous = 100; // not authenticated yet; 0: as many as there may be clients
    unsigned reserved_clients = 16;
    // The same for the clients of one listening socket, and of one peer (a user on unix sockets, an address on
    // others): the oldest silent one of that listener or peer makes room. 0 = no such limit. Neither holds for
    // root and the daemon's own user on unix sockets.
    unsigned max_clients_per_listener = 4000;
    unsigned max_clients_per_peer = 1000;
    std::chrono::milliseconds auth_deadline{10'000}; // from accept; the TLS handshake counts
    // TLS handshakes that compute at the same time, each on a priority worker; others wait their
    // turn.
    unsigned max_handshakes = 2;

    // Calls of one client. In flight: handed to a worker, not ended. Priority calls are counted
    // apart, so that ordinary ones that are stuck never hold them up.
    unsigned max_in_flight = 16;
    // Those that wait in a driver without holding a worker: so many do not count as in flight.
    unsigned max_parked = 256;
    unsigned max_queued = 1024;
    std::size_t max_queued_bytes = std::size_t{64} << 20;

    // Input. A packet longer than max_anonymous_packet closes a client that is not authenticated. The
    // longest that an honest one sends is a step of SASL: 65,536 characters of four bytes each.
    std::uint32_t max_anonymous_packet = 320 << 10;
    // All packets held for all clients of the server, running calls included; beyond it a call is
    // read, dropped and answered "busy".
    std::size_t max_input_bytes = std::size_t{512} << 20;

    // Output of one client, in bytes of memory (OutputQueue::memory()). No further call starts while more
    // than this waits to be sent ...
    std::size_t reply_bytes_pause = std::size_t{4} << 20;
    // ... and a client that leaves more than this in events, refusals and pongs unread is cut off.
    std::size_t max_event_bytes = std::size_t{8} << 20;

    // Streams of one client, and of one stream the bytes that wait for the driver (upload): beyond
    // it the connection is not read until half has been consumed; no progress for `stream_stall`
    // breaks the stream. Downloads hold back after `stream_send_bytes` unsent.
    unsigned max_streams = 256;
    std::size_t stream_upload_bytes = std::size_t{1} << 20;
    std::size_t stream_send_bytes = std::size_t{256} << 10;
    std::chrono::milliseconds stream_stall{300'000};

    // Keepalive, for clients that announced it: a ping after each `interval` of silence, at most
    // `count` times, then the connection is closed. interval 0 = never ping.
    std::chrono::milliseconds keepalive_interval{5'000};
    unsigned keepalive_count = 5;
};

} // namespace polyvirt::rpc
