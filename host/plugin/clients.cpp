// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/clients.h"

namespace polyvirt::plugin {

void Clients::arrived(std::uint64_t client) {
    const LeafLock lock(mu_);
    clients_.try_emplace(client);
}

void Clients::uses_own_instance(std::uint64_t client) {
    const LeafLock lock(mu_);
    clients_[client].own_instance = true;
}

bool Clients::leave_unheard(std::uint64_t client) {
    const LeafLock lock(mu_);
    const auto it = clients_.find(client);
    if (it == clients_.end()) return true;
    if (it->second.own_instance || !it->second.closes.empty()) return false;
    clients_.erase(it);
    return true;
}

std::vector<Clients::Close> Clients::gone(std::uint64_t client) {
    const LeafLock lock(mu_);
    const auto it = clients_.find(client);
    if (it == clients_.end()) return {};
    std::vector<Close> closes(it->second.closes.begin(), it->second.closes.end());
    clients_.erase(it);
    return closes;
}

pv_status Clients::store(std::uint64_t client, const Close& close) {
    const LeafLock lock(mu_);
    const auto it = clients_.find(client);
    if (it == clients_.end()) return PV_GONE;
    if (it->second.closes.size() >= kMaxPerClient) return PV_BUSY;
    it->second.closes.insert(close);
    return PV_OK;
}

pv_status Clients::forget(std::uint64_t client, const Close& close) {
    const LeafLock lock(mu_);
    const auto it = clients_.find(client);
    if (it == clients_.end()) return PV_GONE;
    it->second.closes.erase(close);
    return PV_OK;
}

void Clients::drop(const void* instance) {
    const LeafLock lock(mu_);
    for (auto& [id, client] : clients_)
        std::erase_if(client.closes, [&](const Close& c) { return c.instance == instance; });
}

} // namespace polyvirt::plugin
