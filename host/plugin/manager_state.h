// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Private to the PluginManager, whose code is split by activity: manager.cpp (stop, list), manager_load.cpp (load,
// start), manager_admin.cpp (enable, disable, inspect), manager_clients.cpp (open, client_gone, provider).

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/sync.h"
#include "host/plugin/driver_instance.h"
#include "host/plugin/known_uris.h"
#include "host/plugin/load_plan.h"
#include "host/plugin/load_record.h"
#include "host/plugin/manager.h"
#include "host/plugin/offered.h"

namespace polyvirt::plugin {

// One instance, or one that is being made or ended.
struct Slot {
    std::shared_ptr<DriverInstance> instance;
    std::set<std::uint64_t> clients; // not of a static one
    std::uint32_t lifetime = PV_LIFETIME_STATIC;
    std::uint64_t order = 0;  // of the start
    bool busy = false;        // a thread is making or ending it
    bool used = false;        // ever by a client
    bool kept = false;        // was to end, but its driver did not let go
};

// A plugin's file that was found, and what became of it.
struct Plug {
    std::string path;
    Manifest manifest; // without id if it could not be read
    FileStamp stamp;
    PluginState state = PluginState::found;
    std::string reason;
    std::shared_ptr<const Generation> generation; // from being loaded on
    std::optional<std::string> primary_key;       // of the instance in the plugin's own folders

    [[nodiscard]] bool loaded() const { return state == PluginState::running; }
    [[nodiscard]] bool may_load() const { return state == PluginState::found; }
};

// Who serves what: made anew whenever that changes, never changed.
struct Routes {
    std::vector<std::shared_ptr<const Generation>> generations;
    Claims claims;
    std::map<std::string, std::string> primary_keys; // plugin id -> key of its primary instance
    std::map<std::string, std::string> absent;       // scheme that nobody serves -> why
};

// Keeps a driver that did not let go for ever: its code may still run.
void bury(std::shared_ptr<DriverInstance> instance);

struct PluginManager::State {
    explicit State(ManagerOptions o);

    // manager_load.cpp
    void look_at_folders();
    [[nodiscard]] Plug look_at(const std::string& path) const;
    void refuse(Plug& plug, PluginState why, std::string reason);
    void tell(const Plug& plug) const;
    void plan();
    void load_code(Plug& plug);
    Result<std::shared_ptr<const Generation>> load_generation(const Plug& plug);
    // Who serves what from here on: what anybody remembers of earlier offers is void. A plugin that ends is closed
    // first (shut()), so that no instance of it is given out any more.
    void publish();
    [[nodiscard]] std::optional<Offered> static_offer(const std::shared_ptr<const Generation>& generation) const;
    std::optional<Offered> prepare_start(const std::string& id);
    void start_one(const Offered& offered) PV_ENTERS_DRIVER;
    void start_beside(const std::vector<Offered>& offers) PV_ENTERS_DRIVER;

    // manager_admin.cpp
    // The one that matters of those with this id; null: there is none.
    [[nodiscard]] Plug* find_plug(const std::string& id) PV_REQUIRES(mu);
    Status check_unused(const std::string& id) const;
    Status shut(const std::string& id, const Disable& how, std::set<std::uint64_t>& clients);
    void open_again(const std::string& id);
    void set_state(const std::string& id, PluginState state, const std::string& reason);
    [[nodiscard]] std::string conflict(const Manifest& manifest) const;
    Status take_in(Plug plug);

    // manager.cpp: the one place where an instance that clients may know ends. Its slot, which this thread has
    // marked busy, is gone afterwards; if the driver does not let go, it is buried, or kept if `keep`.
    bool end_slot(const std::string& key, std::chrono::steady_clock::time_point until, bool keep);
    // All of one plugin, or of all, in reverse order of their start; those that are being made first end that.
    bool end_slots(const std::string& id, std::chrono::steady_clock::time_point until, bool keep);

    // manager_clients.cpp
    [[nodiscard]] std::optional<Offered> best_offer(const std::string& uri) const;
    [[nodiscard]] std::string why_absent(const std::string& uri) const;
    Result<std::shared_ptr<DriverInstance>> use(const Offered& offered, std::uint64_t client) PV_ENTERS_DRIVER;
    Result<std::shared_ptr<DriverInstance>> make(const Offered& offered, const std::string& slot_key);
    [[nodiscard]] static std::string slot_key(const Offered& offered, std::uint64_t client);
    void remember(const std::string& uri, const Offered& offered);
    void end_unused();

    const ManagerOptions options;
    const std::shared_ptr<HostShared> shared;
    const pv_host_root* const root; // for ever

    [[nodiscard]] std::shared_ptr<const Routes> current() const {
        const LeafLock lock(mu);
        return published;
    }

    // Control thread until start(), then whoever administers; so is `plugs`, but that others read it too.
    LoadPolicy policy;
    std::unique_ptr<LoadRecord> record = std::make_unique<LoadRecord>("");
    std::map<std::string, std::shared_ptr<const Generation>> known_code; // by id: its latest
    std::map<std::string, FileStamp> known_paths; // names that the system's loader knows, and of what

    mutable Mutex mu{Rank::leaf};
    CondVar changed;
    std::vector<Plug> plugs PV_GUARDED_BY(mu);
    std::shared_ptr<const Routes> published PV_GUARDED_BY(mu) = std::make_shared<Routes>();
    std::map<std::string, std::string> closed PV_GUARDED_BY(mu); // id -> why it is not opened
    std::map<std::string, Slot> slots PV_GUARDED_BY(mu);
    KnownUris known PV_GUARDED_BY(mu);
    bool end_again PV_GUARDED_BY(mu) = false; // the pool did not take the end of an unused instance
    std::map<std::string, std::string> failures PV_GUARDED_BY(mu); // plugin id -> why an instance did not start
    std::uint64_t last_order PV_GUARDED_BY(mu) = 0;
    bool refusing PV_GUARDED_BY(mu) = false;
    bool stopped = false; // control thread
};

} // namespace polyvirt::plugin
