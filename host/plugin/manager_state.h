// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Private to the PluginManager, whose code is split by activity: manager.cpp (load, start, stop), and
// manager_clients.cpp (open, client_gone, provider).

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/sync.h"
#include "host/plugin/driver_instance.h"
#include "host/plugin/known_uris.h"
#include "host/plugin/manager.h"

namespace polyvirt::plugin {

// What a plugin says to a URI.
struct Offered {
    std::shared_ptr<const Generation> generation;
    pv_probe probe{};
};

// One instance, or one that is being made or ended.
struct Slot {
    std::shared_ptr<DriverInstance> instance;
    std::set<std::uint64_t> clients; // not of a static one
    std::uint32_t lifetime = PV_LIFETIME_STATIC;
    std::uint64_t order = 0;  // of the start
    bool busy = false;        // a thread is making or ending it
    bool used = false;        // ever by a client
};

struct Refusal {
    std::string path, id, reason;
};

// Keeps a driver that did not let go for ever: its code may still run.
void bury(std::shared_ptr<DriverInstance> instance);

struct PluginManager::State {
    explicit State(ManagerOptions o);

    // manager.cpp
    void load_file(const std::string& path);
    Status admit(const std::shared_ptr<const Generation>& generation);
    [[nodiscard]] std::vector<std::shared_ptr<const Generation>> start_order();
    [[nodiscard]] std::optional<Offered> static_offer(const std::shared_ptr<const Generation>& generation) const;
    bool stop_slot(const std::string& key, std::chrono::steady_clock::time_point until);

    // manager_clients.cpp
    [[nodiscard]] std::optional<Offered> best_offer(const std::string& uri) const;
    Result<std::shared_ptr<DriverInstance>> use(const Offered& offered, std::uint64_t client) PV_ENTERS_DRIVER;
    Result<std::shared_ptr<DriverInstance>> make(const Offered& offered, const std::string& slot_key);
    [[nodiscard]] static std::string slot_key(const Offered& offered, std::uint64_t client);
    void remember(const std::string& uri, const Offered& offered);
    void end_unused();

    const ManagerOptions options;
    const std::shared_ptr<HostShared> shared;
    const pv_host_root* const root; // for ever

    // Control thread while loading, constant from start() on.
    // (`known` remembers what these answered: whoever changes them later clears it).
    std::vector<std::shared_ptr<const Generation>> generations;
    std::map<std::uint32_t, std::string> servers;     // kind -> id of the plugin that serves it
    std::map<std::string, std::string> primary_keys;  // plugin id -> key of the instance in the plugin's own folders

    mutable Mutex mu{Rank::leaf};
    CondVar changed;
    std::vector<Refusal> refusals PV_GUARDED_BY(mu);
    std::map<std::string, Slot> slots PV_GUARDED_BY(mu);
    KnownUris known PV_GUARDED_BY(mu);
    bool end_again PV_GUARDED_BY(mu) = false; // the pool did not take the end of an unused instance
    std::map<std::string, std::string> failures PV_GUARDED_BY(mu); // plugin id -> why an instance did not start
    std::uint64_t last_order PV_GUARDED_BY(mu) = 0;
    bool refusing PV_GUARDED_BY(mu) = false;
    bool stopped = false; // control thread
};

} // namespace polyvirt::plugin
