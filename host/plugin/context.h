// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What stands behind a plugin's pv_host: one per instance, from before create() until after destroy(). The
// services (svc_*.cpp) are stateless; all they know, they find here.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <vector>

#include <polyvirt/abi/base.h>
#include <polyvirt/abi/client.h>

#include "base/sync.h"
#include "host/plugin/builders.h"
#include "host/plugin/census.h"
#include "host/plugin/clients.h"
#include "host/plugin/events.h"
#include "host/plugin/folders.h"
#include "host/plugin/job_locks.h"
#include "host/plugin/job_queue.h"
#include "host/plugin/loops.h"
#include "host/plugin/process.h"
#include "host/plugin/registry.h"
#include "host/plugin/state_store.h"
#include "host/plugin/subscriptions.h"

namespace polyvirt::plugin {

class Instance;

// Which instance another one reaches for a kind of objects. Set while the PluginManager lives. Any thread; leaf.
class Providers {
  public:
    using Find = std::function<std::shared_ptr<Instance>(const std::shared_ptr<Instance>& from, std::uint32_t kind)>;
    void set(Find find) {
        const LeafLock lock(mu_);
        find_ = find ? std::make_shared<const Find>(std::move(find)) : nullptr;
    }
    [[nodiscard]] std::shared_ptr<Instance> find(const std::shared_ptr<Instance>& from, std::uint32_t kind) const {
        std::shared_ptr<const Find> f; // called without the lock
        {
            const LeafLock lock(mu_);
            f = find_;
        }
        return f ? (*f)(from, kind) : nullptr;
    }

  private:
    mutable Mutex mu_{Rank::leaf};
    std::shared_ptr<const Find> find_ PV_GUARDED_BY(mu_);
};

// What all instances share. Lives as long as the last of them, which is longer than the PluginManager when a
// driver did not let go at the end.
struct HostShared {
    HostShared(work::WorkerPool& p, EventSink& sink,
               std::function<std::optional<std::string>(std::string_view)> config_reader,
               std::shared_ptr<loop::Watchdog> dog = nullptr)
        : pool(p), config(std::move(config_reader)), watchdog(std::move(dog)), events(sink) {}

    work::WorkerPool& pool;
    const std::function<std::optional<std::string>(std::string_view key)> config;
    const std::shared_ptr<loop::Watchdog> watchdog;
    EventDispatcher events;
    Clients clients;
    Providers providers;
    Subscriptions subscriptions;
    Orphans orphans{loops};
    LoopPool loops{4, watchdog}; // below `orphans`: its threads end first
};

// The handles that a plugin holds: checked when given back, and freed at the end if they were not.
template <typename Handle> class Handles {
  public:
    Handle* add(std::unique_ptr<Handle> handle) {
        const LeafLock lock(mu_);
        all_.insert(handle.get());
        return handle.release();
    }
    // Null if it is none of ours (given back twice).
    std::unique_ptr<Handle> take(Handle* handle) {
        const LeafLock lock(mu_);
        return std::unique_ptr<Handle>(all_.erase(handle) != 0 ? handle : nullptr);
    }
    // What `part` gives of each, taken while none can be given back: the driver may do that at any time.
    template <typename Part> auto collect(const Part& part) {
        std::vector<decltype(part(std::declval<Handle&>()))> parts;
        const LeafLock lock(mu_);
        for (Handle* handle : all_) parts.push_back(part(*handle));
        return parts;
    }
    // For when the driver can give nothing back any more.
    std::vector<Handle*> list() {
        const LeafLock lock(mu_);
        return {all_.begin(), all_.end()};
    }

  private:
    Mutex mu_{Rank::leaf};
    std::unordered_set<Handle*> all_ PV_GUARDED_BY(mu_);
};

// A builder that a plugin made for itself (host.state/1 sink_new, host.driver/1 params_new and the like).
template <typename Builder> struct Owned : Builder {
    using Builder::Builder;
    pv_host* host = nullptr;
};
using OwnedSink = Owned<pv_sink>;
using OwnedLists = std::tuple<Handles<Owned<pv_params>>, Handles<Owned<pv_strings>>, Handles<Owned<pv_objs>>,
                              Handles<Owned<pv_records>>, Handles<Owned<pv_groups>>>;

} // namespace polyvirt::plugin

struct pv_host {
    pv_host(polyvirt::plugin::HostShared& s, const polyvirt::plugin::HostPaths& paths, std::string id,
            const std::string& folder_key, const std::string& file);

    polyvirt::plugin::HostShared& shared;
    const std::string plugin_id;
    // Set once, before create(); the instance owns this.
    std::weak_ptr<polyvirt::plugin::Instance> instance;
    pv_inst* inst = nullptr;             // from create() on
    const pv_client* client_iface = nullptr; // pv.client/1, as far as it is there

    polyvirt::plugin::Census census;
    polyvirt::plugin::CallbackCounts callbacks;
    polyvirt::plugin::EventAccount event_account;
    std::unique_ptr<polyvirt::plugin::HostLoop> loop; // the shared one, lp:NAME
    std::shared_ptr<polyvirt::plugin::Strand> strand; // on it: for releases and the host's own callbacks
    polyvirt::plugin::Registry registry;
    polyvirt::plugin::Pins pins;
    polyvirt::plugin::JobLocks locks;
    const std::shared_ptr<polyvirt::plugin::JobQueue> jobs;
    polyvirt::plugin::Folders folders;
    polyvirt::plugin::StateStore state{folders};
    polyvirt::plugin::Handles<pv_loop> loops;
    polyvirt::plugin::Handles<pv_proc> procs;
    polyvirt::plugin::Handles<polyvirt::plugin::OwnedSink> sinks;
    polyvirt::plugin::OwnedLists lists;
    polyvirt::plugin::Handles<pv_queue> queues;
    polyvirt::plugin::Handles<pv_subscription> subscriptions;

    // Any thread. False: the loop has ended.
    bool post(std::function<void()> f) { return loop->loop.post(std::move(f)); }
};

struct pv_queue {
    pv_host* host;
    std::string name;
};
