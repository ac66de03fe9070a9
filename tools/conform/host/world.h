// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The fake host: one per process. How it behaves, what it knows of the calling thread, its clock, its handles. One lock
// guards all of it (g_mu, a leaf); the plugin is never called with it held. Handles are never freed, so that use after
// they were given back is seen.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include <polyvirt/abi/entry.h>

#include "base/sync.h"
#include "tools/conform/case.h"
#include "tools/conform/catalog.h"

namespace polyvirt::conform {

struct Behaviour {
    enum class Tables { plain, exact, longer };
    Tables tables = Tables::plain;      // exact: a guard page begins where a table ends; longer: poison follows
    std::set<std::string> absent;       // services that are not there
    std::string failing;                // "loop.acquire": the service that fails whenever it can
    std::uint32_t abi_minor = PV_ABI_MINOR;
    bool privileged = false;
};

// What the host takes the calling thread for.
struct ThreadState {
    std::uint32_t kind = 0;         // PV_THREAD_*
    std::uint8_t rank = 0;          // byte of host.check
    bool loading = false;           // inside entry, create, get_interface: hardly any service
    bool in_plugin = false;         // plugin code runs: its allocations may be made to fail
    const OpSpec* prompt = nullptr; // an op runs that must not block
    pv_loop* loop = nullptr;        // whose callback runs
};
extern thread_local ThreadState t_state;

// Plugin code runs within: set around every call into it.
class PluginScope {
  public:
    PluginScope(std::uint32_t kind, const char* what, bool loading = false);
    ~PluginScope();
    PluginScope(const PluginScope&) = delete;
    PluginScope& operator=(const PluginScope&) = delete;

  private:
    const ThreadState saved_;
    const char* const what_;
};

enum class Mark { leaf, reentrant };

// A service of the host is being used: stands first in each. Judges whether it may be, there and then.
class Service {
  public:
    explicit Service(const char* name, Mark mark = Mark::leaf);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    // Whether this one was told to fail.
    [[nodiscard]] bool fails() const;
    [[nodiscard]] const char* name() const { return name_; }

  private:
    const char* const name_;
    const bool in_plugin_;
};

// Allocates without ever failing and without being counted.
class KitScope {
  public:
    KitScope();
    ~KitScope();

  private:
    const bool in_plugin_;
};

extern Mutex g_mu;
extern CondVar g_changed; // whatever somebody may wait for

struct Handle {
    const char* what = "";
    bool gone = false;
    pv_call* call = nullptr; // whose result it is a part of; null: of none
};

class Handles {
  public:
    template <typename T> T* add(std::unique_ptr<T> made, const char* what) PV_REQUIRES(g_mu) {
        made->what = what;
        known_.insert(static_cast<Handle*>(made.get()));
        return made.release();
    }
    // The handle if it is one and is not given back; else a complaint and null.
    template <typename T> T* valid(T* handle, const Service& service) PV_REQUIRES(g_mu) {
        return good(static_cast<Handle*>(handle), service) ? handle : nullptr;
    }
    // All that live, by name.
    [[nodiscard]] std::vector<std::string> leaked() const PV_REQUIRES(g_mu);

  private:
    bool good(Handle* handle, const Service& service) PV_REQUIRES(g_mu);
    std::unordered_set<Handle*> known_;
};

struct World {
    Behaviour behaviour;
    const Subject* subject = nullptr;
    Handles handles;
    std::set<int> own_fds; // the kit's, in no census
    std::int64_t virtual_ns = 1'000'000'000'000;
    std::size_t living_children = 0;
    std::size_t queued = 0;  // tasks that wait for a loop
    std::size_t running = 0; // callbacks and jobs of plugins that run
    std::size_t jumps = 0;   // of the clock
    std::uint64_t activity = 0; // rises with whatever happens
};
World& world();

// Virtual nanoseconds.
std::int64_t now_ns();
// Waits until nothing happens any more: no callback, job or child that could do something, and no timer within
// `horizon_ns` of virtual time. False if it does not come to rest within `seconds` of real time. Not with g_mu held.
bool settle(std::int64_t horizon_ns, double seconds);
// The same until `done()`, asked under g_mu.
bool settle_until(bool (*done)(const void*), const void* ctx, std::int64_t horizon_ns, double seconds);

const pv_host_root* make_root();
// The service's table as Behaviour has it; null if absent or shorter than `min_size`.
const void* find_service(const char* id, std::uint32_t min_size);
std::vector<const char*> service_ids();
// The functions ("loop.post") that the plugin has used in this process.
std::set<std::string> services_used();

// Bytes that end at a page which cannot be touched.
class Guarded {
  public:
    Guarded(std::size_t size, int fill);
    ~Guarded() = default; // kept mapped: see forbid()
    [[nodiscard]] void* at() const { return at_; }
    void forbid(); // nobody may touch it any more
    void read_only();

  private:
    void* base_;
    std::size_t bytes_;
    void* at_;
};

} // namespace polyvirt::conform
