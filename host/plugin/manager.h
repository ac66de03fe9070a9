// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PluginManager: loads the plugins of a folder, starts them in order of their dependencies, gives each
// client the instance that serves its URI, and stops everything in two phases. Owns the shared loops and the
// events thread.
//
//     PluginManager plugins(options);        // pool and sink outlive it
//     plugins.load({"/usr/lib/polyvirt/plugins-0"});
//     plugins.start();                       // control thread; loops run, clients are not served yet
//     ... open(), Instance::enter(), client_gone() from any thread ...
//     plugins.refuse_calls();                // phase one: new calls end with an error
//     plugins.stop(deadline);                // phase two: drain, stop, destroy. Guests go on.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/plugin/events.h"
#include "host/plugin/instance.h"
#include "host/plugin/loops.h"

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

struct PluginInfo {
    std::string id, version, path;
    bool refused = false;
    std::string reason; // why it was refused, or why it did not start
    struct Inst {
        std::string key, uri;
        InstanceState state = InstanceState::created;
        Instance::Stats stats;
    };
    std::vector<Inst> instances;
};

class PluginManager {
  public:
    explicit PluginManager(ManagerOptions options);
    // Calls stop() if nobody has.
    ~PluginManager();
    PluginManager(const PluginManager&) = delete;
    PluginManager& operator=(const PluginManager&) = delete;

    // Control thread. Loads every *.so of the folders; what is refused is logged and listed, the rest loads.
    void load(const std::vector<std::string>& folders);
    // Control thread. Makes and starts the static instances, providers before their users. One that fails to
    // start leaves the others running (and is retried when a client opens its URI).
    void start();
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
