// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PluginManager: loads the plugins of some folders, starts them in order of their dependencies, gives each
// client the instance that serves its URI, and stops everything in two phases. Owns the shared loops and the
// events thread.
//
//     PluginManager plugins(options);        // pool and sink outlive it
//     plugins.load(policy);                  // folders, who may load, what is left out: load_policy.h
//     plugins.start();                       // control thread; loops run, clients are not served yet
//     ... open(), Instance::enter(), client_gone() from any thread ...
//     plugins.refuse_calls();                // phase one: new calls end with an error
//     plugins.stop(deadline);                // phase two: drain, stop, destroy. Guests go on.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/plugin/events.h"
#include "host/plugin/instance.h"
#include "host/plugin/load_policy.h"
#include "host/plugin/loops.h"
#include "host/plugin/plugin_file.h"

namespace polyvirt::loop {
class Watchdog;
}
namespace polyvirt::work {
class WorkerPool;
}

namespace polyvirt::plugin {

// Folders of the daemon itself; a plugin gets FOLDER/ID in each. Absolute, without trailing slash.
struct HostPaths {
    std::string etc, state, run, cache, log;
};

struct ManagerOptions {
    HostPaths paths;
    // The scalar at a key of polyvirtd.yaml ("plugins.qemu.monitor.timeout"). Any thread; leaf.
    std::function<std::optional<std::string>(std::string_view key)> config;
    bool privileged = false; // the daemon is root's
    std::string version, build_id;
    work::WorkerPool* pool = nullptr;
    EventSink* sink = nullptr;
    const OpCatalog* catalog = nullptr;
    std::shared_ptr<loop::Watchdog> watchdog = nullptr; // told of every loop of the plugins
};

enum class PluginState : std::uint8_t {
    running,
    found,    // its file came after the start, and nobody has enabled it
    failed,   // loaded, but its instance did not start; tried again when a client opens its URI
    ending,   // is being disabled
    stuck,    // was disabled, but something of it is still in use
    disabled, // by an administrator
    denied,   // by loading.allow or loading.deny
    left_out, // safe mode
    crashed,  // left out, as the daemon crashed too often while starting it
    refused,  // something is wrong with it or its file
};
// "running", "left out", ...
[[nodiscard]] std::string_view state_name(PluginState state);

struct PluginInfo {
    std::string id, version, path;
    PluginState state = PluginState::refused;
    bool refused = false; // it is not loaded, whatever the reason
    std::string reason;   // why it is in its state; empty when it runs
    bool required = false, optional = false;
    std::vector<std::string> schemes, kinds, serves;
    struct Inst {
        std::string key, uri;
        InstanceState state = InstanceState::created;
        std::size_t objects = 0;
        Instance::Stats stats;
    };
    std::vector<Inst> instances;
};

// What disable() is to do with those who use the plugin.
struct Disable {
    // Connections of it are closed, and other plugins go on without it. Without force, either is a reason not to
    // disable.
    bool force = false;
    // Which clients have opened it; closes their connections. Any of its instances counts.
    std::function<std::set<std::uint64_t>()> clients;
    std::function<void(const std::set<std::uint64_t>& clients)> close_clients;
    bool remember = true; // over restarts
    std::chrono::steady_clock::time_point until; // for calls in flight to end
};

struct Inspection {
    Facts facts;
    std::string problem; // why it would not be loaded here; empty: it would, or is
};

class PluginManager {
  public:
    explicit PluginManager(ManagerOptions options);
    // Calls stop() if nobody has.
    ~PluginManager();
    PluginManager(const PluginManager&) = delete;
    PluginManager& operator=(const PluginManager&) = delete;

    // Control thread. Looks at every *.so of the policy's folders, and loads those that may be; what is refused is
    // logged and listed, the rest loads. Once.
    void load(LoadPolicy policy);
    void load(const std::vector<std::string>& folders);
    // Control thread. Makes and starts the static instances, providers before their users, others beside each
    // other. One that fails to start leaves the others running (and is retried when a client opens its URI).
    void start();
    // After start(): names the required plugins that do not run. In safe mode none is required.
    [[nodiscard]] Status check_required() const;

    // The configuration was read again (ManagerOptions::config answers from the new one): tells every instance that runs.
    // Any thread; returns at once.
    void configuration_changed();

    // ---- for administrators: from start() on, on one thread at a time, and not beside stop(). May take long.
    // Loads and starts what is in the folders now. An error says why it does not run.
    Status enable(const std::string& id, bool remember) PV_ENTERS_DRIVER;
    // Ends all instances of a plugin; opens of its URIs are refused from here on. Nothing has changed when
    // somebody uses it and it is not forced. Another error, with the state `stuck`: not all has ended by `until`.
    Status disable(const std::string& id, const Disable& how) PV_ENTERS_DRIVER;
    // What is known of a plugin by its id, or of a file by its path, without running it.
    [[nodiscard]] Result<Inspection> inspect(const std::string& id_or_path) const;

    // Any thread: from now on calls end with an error; those in flight go on.
    void refuse_calls();
    // Control thread. Waits for calls in flight (until `deadline`), stops and destroys every instance.
    // False: something was still in use at the deadline; that instance is named in the log and left alone.
    bool stop(std::chrono::steady_clock::time_point deadline);

    // A worker (may wait for a starting instance; parks it). The instance for a client's URI ("" = none
    // given); best probe() score wins. Errors: no_connect if nobody wants the URI, or why its instance does not
    // start. `client` counts as present from here until client_gone().
    [[nodiscard]] Result<std::shared_ptr<Instance>> open(const std::string& uri, std::uint64_t client)
        PV_ENTERS_DRIVER;
    // The same for a URI that open() has led to a static instance before, as long as that one runs: no driver is
    // asked again. Null, and nothing has changed: open() it is. Any thread; leaf.
    static constexpr std::size_t kLongestKnownUri = 256;
    [[nodiscard]] std::shared_ptr<Instance> open_known(std::string_view uri, std::uint64_t client);
    // The instance that holds objects of `kind` for a connection opened on `primary`: itself if it has the kind,
    // else the daemon's provider (the plugin whose manifest `serves` the kind), else null. Any thread.
    [[nodiscard]] std::shared_ptr<Instance> provider(const std::shared_ptr<Instance>& primary,
                                                     std::uint32_t kind) const;
    // Exactly once per client that open() saw, after its last call has finished(). Any thread; returns at
    // once. Drivers hear of it on their loops (host.client/1); instances that lived for this client end.
    void client_gone(std::uint64_t client);
    // client_gone() of a client for whom no driver has stored anything and no instance lived. False, and nothing
    // has changed: it takes more than that. Any thread; leaf.
    [[nodiscard]] bool client_gone_unheard(std::uint64_t client);

    // Whether any loaded plugin would serve `uri`: the canonical URI. Any thread.
    [[nodiscard]] std::optional<std::string> probe(const std::string& uri) const;
    [[nodiscard]] std::vector<PluginInfo> list() const;
    // Those that are started. Any thread; leaf.
    [[nodiscard]] std::vector<std::shared_ptr<Instance>> instances() const;
    [[nodiscard]] EventDispatcher& events();
    // The loops that are no plugin's own: pooled ones and those of single objects. Any thread; leaf.
    [[nodiscard]] std::vector<LoopSeen> object_loops() const;

  private:
    struct State;
    const std::unique_ptr<State> state_;
};

} // namespace polyvirt::plugin
