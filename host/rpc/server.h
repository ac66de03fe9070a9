// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Server: a named set of clients ("polyvirtd", "admin") with its listeners and limits. Owned by the
// daemon, whose leader thread makes, stops and destroys it; loop, pool and handler outlive it.
//
//     Server server("polyvirtd", loop, pool, handler, Limits{});
//     PV_TRY(server.add_listener({.path = ..., .mode = 0666}));   // clients queue from here
//     ... start drivers ...
//     server.start_serving();
//     ...
//     server.stop_accepting();
//     server.drain(std::chrono::seconds(5));
//     server.close_clients("the daemon stops");

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "host/loop/event_loop.h"
#include "host/rpc/client.h"
#include "host/rpc/listener.h"
#include "host/work/worker_pool.h"

namespace polyvirt::rpc {

class Server {
  public:
    Server(std::string name, loop::EventLoop& loop, work::WorkerPool& pool, Handler& handler,
           const Limits& limits);
    // Stops; closes clients that are left and waits until the handler has seen them go. The loop
    // and the pool must still run (or the loop have ended: then the rest is done here).
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] const std::string& name() const;

    // ---- before start_serving, leader
    Status add_listener(ListenerConfig config);
    // Returns what it listens on: "127.0.0.1:16509".
    Result<std::vector<std::string>> add_tcp_listeners(const TcpListenerConfig& config);
    Status adopt_listener(UniqueFd fd, ListenerConfig config);

    // ---- any thread, no lock held
    void start_serving() PV_EXCLUDES(level_server);
    // A connected socket made elsewhere (tests, socket hand-over). The client starts on rpc-loop;
    // null when the limits do not allow it.
    std::shared_ptr<Client> add_client(UniqueFd fd, Identity identity, bool authenticated)
        PV_EXCLUDES(level_server);

    // Two-phase stop. First: sockets closed and their files removed, calls from now on are refused
    // ("the daemon is stopping"), running and waiting ones go on.
    void stop_accepting() PV_EXCLUDES(level_server);
    // True when every call has ended and every reply was sent; false at the deadline.
    bool drain(std::chrono::milliseconds deadline) PV_EXCLUDES(level_server);
    // Then: all connections end; returns when each client_gone has run, false at the deadline.
    bool close_clients(std::string_view reason, std::chrono::milliseconds deadline)
        PV_EXCLUDES(level_server);

    // ---- for administration (any thread, no lock held)
    // Reads the files of the TLS listeners anew; connections go on with what they began with. On
    // error nothing changes. Reads files: not on rpc-loop. An error too if there is no such
    // listener.
    Status reload_tls() const PV_EXCLUDES(level_server);
    [[nodiscard]] Limits limits() const PV_EXCLUDES(level_server);
    void set_limits(const Limits& limits) PV_EXCLUDES(level_server);
    [[nodiscard]] std::vector<std::shared_ptr<Client>> clients() const PV_EXCLUDES(level_server);
    [[nodiscard]] std::shared_ptr<Client> find_client(Client::Id id) const
        PV_EXCLUDES(level_server);
    struct Stats {
        unsigned clients = 0, anonymous = 0;
        std::uint64_t accepted = 0, turned_away = 0;
        std::size_t input_bytes = 0;
        std::uint64_t received_bytes = 0, sent_bytes = 0;
        std::uint64_t cut_off = 0; // clients that left too much unread
    };
    [[nodiscard]] Stats stats() const PV_EXCLUDES(level_server);
    [[nodiscard]] work::WorkerPool& pool() const;
    [[nodiscard]] loop::EventLoop& loop() const;

  private:
    const std::shared_ptr<ServerShared> shared_;
};

} // namespace polyvirt::rpc
