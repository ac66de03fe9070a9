// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/server_shared.h"

#include <algorithm>

#include <unistd.h>

#include "base/log.h"

namespace polyvirt::rpc {
namespace {

constexpr auto kGoodbyeRetry = std::chrono::milliseconds(20);
constexpr auto kTellAgain = std::chrono::seconds(10);

template <typename Map, typename Key> void count_down(Map& map, const Key& key) {
    const auto it = map.find(key);
    if (it != map.end() && --it->second == 0)
        map.erase(it);
}

} // namespace

void ServerShared::authenticated(Client::Id id) {
    ClientPtr last;
    ServerLock lock(mu);
    if (auto node = anonymous.extract(id))
        last = std::move(node.mapped());
}

void ServerShared::heard(Client::Id id) {
    ClientPtr last;
    ServerLock lock(mu);
    if (auto node = silent.extract(id))
        last = std::move(node.mapped());
}

void ServerShared::left(const ClientPtr& client) {
    ServerLock lock(mu);
    if (clients.erase(client->id()) != 0) {
        count_down(by_listener, client->listener());
        count_down(by_peer, client->peer());
    }
    anonymous.erase(client->id());
    silent.erase(client->id());
    ++goodbyes_due;
}

void ServerShared::progress() {
    if (!waited_for.load())
        return;
    ServerLock lock(mu);
    changed.notify_all();
}

std::uint64_t ServerShared::Complaint::due() {
    ++since;
    const auto now = loop::Clock::now();
    if (now < next)
        return 0;
    next = now + kTellAgain;
    return std::exchange(since, 0);
}

// Of those that match, the one that has been silent longest, or else not authenticated for longest; null: none.
template <typename Match> ServerShared::ClientPtr ServerShared::oldest_idle(Match match) const {
    for (const auto* table : {&silent, &anonymous})
        for (const auto& [id, client] : *table)
            if (match(*client))
                return client;
    return nullptr;
}

bool ServerShared::has_room(const Identity& identity, bool auth, ClientPtr& victim) {
    const bool privileged = identity.is_local() && (identity.uid == 0 || identity.uid == ::geteuid());
    const auto count_of = [](const auto& map, const auto& key) {
        const auto it = map.find(key);
        return it == map.end() ? 0U : it->second;
    };
    if (!privileged) {
        const std::string peer = identity.peer();
        const unsigned per_peer = limits_.max_clients_per_peer;
        if (per_peer != 0 && count_of(by_peer, peer) >= per_peer) {
            victim = oldest_idle([&](const Client& c) { return c.peer() == peer; });
            return victim != nullptr;
        }
        const unsigned per_listener = limits_.max_clients_per_listener;
        if (per_listener != 0 && count_of(by_listener, identity.listener) >= per_listener) {
            victim = oldest_idle([&](const Client& c) { return c.listener() == identity.listener; });
            return victim != nullptr;
        }
    }
    const std::size_t most = std::size_t{limits_.max_clients} +
                             (privileged ? std::size_t{limits_.reserved_clients} : 0U);
    if (clients.size() >= most) {
        victim = oldest_idle([](const Client&) { return true; });
        return victim != nullptr;
    }
    if (auth || limits_.max_anonymous == 0 || anonymous.size() < limits_.max_anonymous)
        return true;
    for (const auto& [id, client] : anonymous)
        if (silent.contains(id)) {
            victim = client;
            return true;
        }
    if (!anonymous.empty())
        victim = anonymous.begin()->second;
    return victim != nullptr;
}

ServerShared::ClientPtr ServerShared::admit(UniqueFd fd, Identity identity, AuthMethod method,
                                            std::unique_ptr<TlsSession> tls) {
    ClientPtr client, victim;
    const bool auth = method == AuthMethod::none && tls == nullptr;
    std::uint64_t tell = 0;
    {
        ServerLock lock(mu);
        if (stopping.load() || !has_room(identity, auth, victim)) {
            ++counts.turned_away;
            return nullptr;
        }
        if (victim) { // the table forgets it when its connection is torn down
            silent.erase(victim->id());
            anonymous.erase(victim->id());
            tell = made_room_.due();
        }
        client = std::make_shared<Client>(shared_from_this(), next_id++, std::move(fd),
                                          std::move(identity), method, std::move(tls), limits_);
        clients.emplace(client->id(), client);
        ++by_listener[client->listener()];
        ++by_peer[client->peer()];
        silent.emplace(client->id(), client);
        if (!auth)
            anonymous.emplace(client->id(), client);
        ++counts.accepted;
    }
    // Thousands of them are no reason for as many lines.
    if (tell != 0)
        log::warning("rpc", "server '{}': {} silent clients made room for new ones, the last of them of {}", name,
                     tell, victim->peer());
    if (victim)
        victim->end(log::Level::debug, "it was silent and made room for a new one");
    return client;
}

void ServerShared::arrived(const ClientPtr& client) {
    client->start(handler.client_arrived(*client));
    if (!client->authenticated() && !housekeeping_armed_)
        arm_housekeeper();
}

void ServerShared::housekeep() {
    housekeeping_armed_ = false;
    retry_goodbyes();
    close_overdue();
    arm_housekeeper();
}

void ServerShared::arm_housekeeper() {
    using TimePoint = loop::Clock::time_point;
    const auto now = loop::Clock::now();
    auto next = TimePoint::max();
    {
        ServerLock lock(mu);
        if (!anonymous.empty())
            next = anonymous.begin()->second->since_ + limits_.auth_deadline;
        if (!goodbyes_waiting.empty())
            next = std::min<TimePoint>(next, now + kGoodbyeRetry);
    }
    if (next == TimePoint::max())
        return;
    if (!housekeeper)
        housekeeper = loop.add_timer([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->housekeep();
        });
    housekeeping_armed_ = true;
    housekeeper.arm(std::max<loop::Clock::duration>(next - now, std::chrono::milliseconds(1)));
}

void ServerShared::close_overdue() {
    const auto now = loop::Clock::now();
    std::vector<ClientPtr> overdue;
    {
        ServerLock lock(mu);
        while (!anonymous.empty() &&
               anonymous.begin()->second->since_ + limits_.auth_deadline <= now) {
            silent.erase(anonymous.begin()->first);
            overdue.push_back(std::move(anonymous.begin()->second));
            anonymous.erase(anonymous.begin());
        }
    }
    for (const auto& client : overdue)
        client->close("it did not authenticate in time");
}

void ServerShared::goodbye(ClientPtr client) {
    if (loop.on_thread() && handler.client_gone_quickly(client))
        return goodbye_done();
    if (submit_goodbye(client))
        return;
    {
        ServerLock lock(mu);
        goodbyes_waiting.push_back(std::move(client));
    }
    loop.post([self = shared_from_this()] { self->arm_housekeeper(); });
}

bool ServerShared::submit_goodbye(const ClientPtr& client) {
    return pool.submit(
        [self = shared_from_this(), client] {
            self->handler.client_gone(client);
            self->goodbye_done();
        },
        false);
}

void ServerShared::retry_goodbyes() {
    std::vector<ClientPtr> again;
    {
        ServerLock lock(mu);
        again.swap(goodbyes_waiting);
    }
    std::size_t done = 0;
    while (done < again.size() && submit_goodbye(again[done]))
        ++done;
    ServerLock lock(mu);
    for (; done < again.size(); ++done)
        goodbyes_waiting.push_back(std::move(again[done]));
}

void ServerShared::run_goodbyes_here() {
    std::vector<ClientPtr> waiting;
    {
        ServerLock lock(mu);
        waiting.swap(goodbyes_waiting);
    }
    for (auto& client : waiting) {
        handler.client_gone(std::move(client));
        goodbye_done();
    }
}

void ServerShared::goodbye_done() {
    {
        ServerLock lock(mu);
        --goodbyes_due;
    }
    progress();
}

} // namespace polyvirt::rpc
