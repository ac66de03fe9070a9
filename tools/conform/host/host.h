// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the opaque types of the ABI are in the fake host. All guarded by g_mu unless it says otherwise.

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include <polyvirt/abi/call.h>
#include <polyvirt/abi/driver.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/proc.h>
#include <polyvirt/abi/registry.h>
#include <polyvirt/abi/stream.h>

#include "tools/conform/host/world.h"

namespace polyvirt::conform {

// A function of the plugin's, to be run on a loop, and the release that follows it.
struct Task {
    pv_loop* loop = nullptr;
    std::function<void()> run{}; // the call into the plugin; may be empty
    pv_release_fn release = nullptr;
    void* ctx = nullptr;
    const char* what = "";
};

// A thread with the loops that it serves.
class Runner {
  public:
    explicit Runner(std::string name);
    void enqueue(Task task) PV_REQUIRES(g_mu);
    void wake() const;
    void watch(pv_watch* w, bool fresh) PV_REQUIRES(g_mu);
    void unwatch(pv_watch* w) PV_REQUIRES(g_mu);
    void end(); // all that is queued is run first
    [[nodiscard]] bool mine() const { return std::this_thread::get_id() == thread_.get_id(); }

  private:
    void body();
    bool one_task();
    void handle_ready(int timeout);
    const std::string name_;
    int epoll_ = -1, event_ = -1;
    std::deque<Task> tasks_ PV_GUARDED_BY(g_mu);
    bool ending_ PV_GUARDED_BY(g_mu) = false;
    std::thread thread_; // last: runs in all of the above
};

// Calls into the plugin as a callback of `loop`, watching how long it takes.
void run_callback(pv_loop* loop, const char* what, const std::function<void()>& call);
void give_task(pv_loop* loop, Task task) PV_REQUIRES(g_mu);

struct Object {
    std::uint64_t handle = 0;
    std::uint32_t kind = 0;
    std::string name;
    std::array<std::uint8_t, 16> uuid{};
    std::int32_t dom_id = -1, state = 0, reason = 0;
    std::uint64_t attrs = 0, parent = 0;
    std::vector<std::pair<std::string, std::string>> keys;
    void* data = nullptr;
    pv_release_fn release = nullptr;
    std::size_t pins = 0;
    bool retired = false, released = false;
    int last_event = -1; // of the lifecycle
};
using ObjectPtr = std::shared_ptr<Object>;

const void* service_table(std::string_view id);

// A re-entrant service is about to wait, for `object` or 0: a case may look whether the plugin holds a lock.
extern void (*g_while_waiting)(std::uint64_t object);
void while_waiting(std::uint64_t object);

void end_children(); // every process that the fake host knows of
void start_clock();
std::vector<ObjectPtr> objects_of(pv_host* host, std::uint32_t kind); // those that are there
std::uint64_t held_jobs(std::uint64_t object); // how many there are on it

} // namespace polyvirt::conform

using polyvirt::conform::Handle;

struct pv_loop : Handle {
    pv_host* host = nullptr;
    std::string name;
    polyvirt::conform::Runner* runner = nullptr;
    bool own_runner = false;
    bool closed = false;
    std::set<pv_watch*> watches;
};

struct pv_watch : Handle {
    pv_loop* loop = nullptr;
    int fd = -1; // the kit's duplicate; -1: a timer
    std::int32_t number = -1; // the plugin's own descriptor
    std::uint32_t events = 0;
    std::int64_t due = -1, period = 0;
    pv_fd_fn fd_fn = nullptr;
    pv_fn fn = nullptr;
    void* ctx = nullptr;
    pv_release_fn release = nullptr;
    bool removed = false, queued = false;
};

struct pv_queue : Handle {
    pv_host* host = nullptr;
    std::string name;
};

struct pv_sink : Handle {
    std::string data;
    std::size_t max = std::size_t{4} << 20;
    bool written = false, owned = false;
};
struct pv_params : Handle {
    std::vector<std::string> fields;
    std::uint32_t family = 0;
};
struct pv_strings : Handle {
    std::vector<std::string> list;
};
struct pv_objs : Handle {
    std::vector<std::uint64_t> list;
};
struct pv_records : Handle {
    std::size_t count = 0;
};
struct pv_groups : Handle {
    std::vector<pv_params*> list;
    std::uint32_t family = 0;
};

struct pv_stream : Handle {
    pv_call* call = nullptr;
    std::uint32_t directions = 0;
    bool attached = false, over = false;
    pv_stream_ops ops{};
    pv_loop* loop = nullptr;
    void* ctx = nullptr;
    pv_release_fn release = nullptr;
    void (*closed_fn)(void*, std::uint32_t) PV_NOEXCEPT = nullptr; // of attach_fd
    int fd = -1;
    std::size_t received = 0, pending_data = 0;
    bool finished = false;
};

struct pv_subscription : Handle {
    pv_host* host = nullptr;
    pv_loop* loop = nullptr;
    pv_notice_fn fn = nullptr; // null: it has ended
    void* ctx = nullptr;
    pv_release_fn release = nullptr;
};

struct pv_proc : Handle {
    pv_host* host = nullptr;
    std::int64_t pid = 0;
    std::uint64_t start_time = 0;
    int pidfd = -1;
    pv_loop* loop = nullptr;
    pv_exit_fn fn = nullptr;
    void* ctx = nullptr;
    pv_release_fn release = nullptr;
    bool ended = false, ours = true;
};

namespace polyvirt::conform {

// What access control would have been asked about before a define: the object that the document describes.
struct Authorised {
    std::uint32_t kind = 0; // 0: anything may be published
    std::string name, uuid; // "": left to the plugin
};

} // namespace polyvirt::conform

// One instance.
struct pv_host : Handle {
    const polyvirt::conform::Subject* subject = nullptr;
    std::string instance, folder;
    pv_inst* inst = nullptr;
    polyvirt::conform::Runner* shared = nullptr;
    std::vector<polyvirt::conform::Runner*> workers;     // of jobs; a strand always has the same
    pv_loop* own_loop = nullptr;                  // on_cancel and client notices
    std::map<std::uint64_t, polyvirt::conform::ObjectPtr> objects;
    std::set<pv_loop*> loops;
    std::set<pv_subscription*> subscriptions;
    std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>> closes;
    std::map<std::uint32_t, std::string> dirs;
    bool stopped = false, destroyed = false;
    std::size_t events = 0;
};

struct pv_call : Handle {
    struct Error {
        std::int32_t code = 0;
        std::string message;
    };
    const polyvirt::conform::OpSpec* op = nullptr; // null: start or reconfigure
    pv_host* host = nullptr;
    std::uint64_t id = 0, client = 1;
    polyvirt::conform::ObjectPtr target;
    bool cancelled = false, returned = false, completed = false, done = false, cancel_ran = false;
    pv_status status = 0;
    std::vector<Error> errors;
    void (*cancel_fn)(void*) PV_NOEXCEPT = nullptr;
    void* cancel_ctx = nullptr;
    pv_release_fn cancel_release = nullptr;
    bool waits = false; // in a re-entrant service
    pv_stream* stream = nullptr;
    std::vector<int> fds, reply_fds;
    std::vector<polyvirt::conform::Guarded> memory; // in, out, texts: forbidden when it is done
    std::vector<Handle*> builders;
    std::vector<polyvirt::conform::ObjectPtr> pinned;
    const void* out = nullptr;
    bool refused = false; // a builder took no more: it fails, with the host's error
    polyvirt::conform::Authorised authorised;
    [[nodiscard]] std::string name() const { return op != nullptr ? op->name : "start"; }
};
