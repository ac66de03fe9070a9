// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// ServerShared: the part of a Server that its clients hold on to. Internal to this folder.

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sync.h"
#include "host/loop/event_loop.h"
#include "host/rpc/client.h"
#include "host/rpc/listener.h"
#include "host/work/worker_pool.h"

namespace polyvirt::rpc {

struct ServerShared : std::enable_shared_from_this<ServerShared> {
    ServerShared(std::string server_name, loop::EventLoop& l, work::WorkerPool& p, Handler& h,
                 const Limits& limits)
        : name(std::move(server_name)), loop(l), pool(p), handler(h),
          input(std::make_shared<Budget>(limits.max_input_bytes)), limits_(limits) {}

    using ClientPtr = std::shared_ptr<Client>;
    struct Counts {
        unsigned clients = 0, anonymous = 0;
        std::uint64_t accepted = 0, turned_away = 0;
    };

    // ---- for clients; any thread unless said, no lock held
    void authenticated(Client::Id id) PV_EXCLUDES(level_server);
    void heard(Client::Id id) PV_EXCLUDES(level_server);
    void left(const ClientPtr& client) PV_EXCLUDES(level_server); // rpc-loop
    void goodbye(ClientPtr client) PV_EXCLUDES(level_server);
    // Something that drain() may wait for has come to an end.
    void progress() PV_EXCLUDES(level_server);

    // handshakes.cpp: rpc-loop. The client's next step will be computed, then
    // Client::handshake_computed() called.
    void compute_handshake(ClientPtr client);

    // ---- for Server
    ClientPtr admit(UniqueFd fd, Identity identity, AuthMethod auth,
                    std::unique_ptr<TlsSession> tls = nullptr) PV_EXCLUDES(level_server);
    void arrived(const ClientPtr& client) PV_EXCLUDES(level_server); // rpc-loop
    void add_door(Listener listener) {
        const auto number = static_cast<std::uint32_t>(doors.size() + 1);
        doors.push_back({.listener = std::move(listener), .watch = {}, .resume = {}, .number = number});
    }
    void watch_doors();                                              // rpc-loop
    void close_doors();                                              // rpc-loop
    void run_goodbyes_here() PV_EXCLUDES(level_server);

    const std::string name;
    loop::EventLoop& loop;
    work::WorkerPool& pool;
    Handler& handler;
    const std::shared_ptr<Budget> input;
    // Of all clients; counted by whoever reads or writes.
    std::atomic<std::uint64_t> received_bytes{0}, sent_bytes{0}, cut_off{0};
    std::atomic<bool> stopping{false};
    std::atomic<bool> waited_for{false}; // somebody sleeps on changed

    mutable Mutex mu{Rank::server};
    CondVar changed;
    Limits limits_ PV_GUARDED_BY(mu);
    std::map<Client::Id, ClientPtr> clients PV_GUARDED_BY(mu);
    // In order of arrival: who has not authenticated, who has not sent a packet.
    std::map<Client::Id, ClientPtr> anonymous PV_GUARDED_BY(mu), silent PV_GUARDED_BY(mu);
    Client::Id next_id PV_GUARDED_BY(mu) = 1;
    Counts counts PV_GUARDED_BY(mu);
    std::vector<std::shared_ptr<TlsContext>> tls_contexts PV_GUARDED_BY(mu); // of the listeners
    std::map<std::uint32_t, unsigned> by_listener PV_GUARDED_BY(mu);
    std::map<std::string, unsigned> by_peer PV_GUARDED_BY(mu);
    std::size_t goodbyes_due PV_GUARDED_BY(mu) = 0;            // left, client_gone not yet run
    std::vector<ClientPtr> goodbyes_waiting PV_GUARDED_BY(mu); // the pool did not take them

    struct Door {
        Listener listener;
        loop::Watch watch;
        loop::Watch resume; // a timer: descriptors had run out
        std::uint32_t number = 0;
    };
    std::list<Door> doors; // leader before start_serving(), then rpc-loop

    // rpc-loop only
    loop::Watch housekeeper;
    std::deque<ClientPtr> handshakes_waiting;
    unsigned handshakes_running = 0;
    std::vector<std::uint8_t> scratch = std::vector<std::uint8_t>(std::size_t{64} << 10);

  private:
    // accept.cpp: rpc-loop
    void accept_ready(Door& door);
    bool accept_one(Door& door);
    void start_handshakes() PV_EXCLUDES(level_server);
    void out_of_descriptors(Door& door, int error) PV_EXCLUDES(level_server);
    // rpc-loop
    void housekeep() PV_EXCLUDES(level_server);
    void arm_housekeeper() PV_EXCLUDES(level_server);
    void retry_goodbyes() PV_EXCLUDES(level_server);
    void close_overdue() PV_EXCLUDES(level_server);
    // any thread
    [[nodiscard]] bool has_room(const Identity& identity, bool auth, ClientPtr& victim)
        PV_REQUIRES(mu);
    template <typename Match> [[nodiscard]] ClientPtr oldest_idle(Match match) const PV_REQUIRES(mu);
    // How often something happened since it was last told of; 0: do not tell again yet.
    struct Complaint {
        loop::Clock::time_point next{};
        std::uint64_t since = 0;
        std::uint64_t due();
    };
    bool submit_goodbye(const ClientPtr& client);
    void goodbye_done() PV_EXCLUDES(level_server);

    bool housekeeping_armed_ = false; // rpc-loop
    Complaint made_room_ PV_GUARDED_BY(mu);
};

} // namespace polyvirt::rpc
