// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/calls_in_flight.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "host/dispatch/dispatcher.h"
#include "host/plugin/context.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;
using Clock = plugin::JobLocks::Clock;
using State = CallsInFlight::State;

constexpr int kMostSteps = 16; // of a chain of holders

std::int64_t to_ns(Clock::time_point t) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

double age(std::int64_t now_ns, std::int64_t since_ns) {
    return static_cast<double>(std::max<std::int64_t>(now_ns - since_ns, 0)) / 1e9;
}

struct StateText {
    const char* name;
    const char* text;
};
StateText text_of(State state) {
    switch (state) {
    case State::client_queue: return {"client-queue", "its client has as many calls running as it may"};
    case State::worker_queue: return {"worker-queue", "waits for a worker"};
    case State::host: return {"host", "a worker runs it"};
    case State::turn: return {"turn", "waits for calls that are inside the driver with the same object"};
    case State::job: return {"job", "waits for a job on its object"};
    case State::job_parked: return {"job-parked", "waits for a job on its object, and a worker waits with it"};
    case State::driver: return {"driver", "a worker is inside the driver"};
    case State::answer: return {"answer", "waits for the driver's answer"};
    }
    return {"?", "?"};
}

State state_of(const rpc::CallInFlight& seen, const WireCall* wire) {
    if (seen.waiting) return State::client_queue;
    if (wire == nullptr) return State::worker_queue;
    switch (wire->stage()) {
    case plugin::Call::Stage::host: return State::host;
    case plugin::Call::Stage::turn: return State::turn;
    case plugin::Call::Stage::driver: return State::driver;
    case plugin::Call::Stage::pending: return State::answer;
    }
    return State::host;
}

bool entered(const CallsInFlight::Call& call) {
    return call.wire != nullptr && call.wire->stage() != plugin::Call::Stage::host;
}

// The object that decides whose turn it is: children stand behind their parent.
std::uint64_t root_of(const WireCall& call) {
    const pv_obj* object = call.target();
    while (object != nullptr && object->parent != nullptr) object = object->parent;
    return object != nullptr ? object->handle : 0;
}

const char* kind_name(std::uint32_t kind) {
    static constexpr const char* kNames[] = {"object",   "domain",          "network",         "network port", "interface",
                                             "pool",     "volume",          "node device",     "nwfilter",
                                             "nwfilter binding", "secret", "snapshot", "checkpoint"};
    return kNames[kind < std::size(kNames) ? kind : 0U];
}

} // namespace

const char* job_class_name(std::uint32_t job_class) {
    switch (job_class & 0xff) {
    case PV_JOB_QUERY: return "query";
    case PV_JOB_MODIFY: return "modify";
    case PV_JOB_DESTROY: return "destroy";
    case PV_JOB_ASYNC: return "async";
    default: return "?";
    }
}

json describe_object(const plugin::ObjectPtr& object) {
    if (object == nullptr) return nullptr;
    return {{"kind", kind_name(object->kind)}, {"name", object->name}, {"uuid", object->uuid.to_string()}};
}

std::vector<JobOfObject> look_at_jobs(Dispatcher& dispatcher) {
    std::vector<JobOfObject> all;
    for (const auto& instance : dispatcher.plugins().instances())
        for (auto& jobs : instance->host()->locks.look())
            all.push_back({instance, instance->registry().find(jobs.object), std::move(jobs)});
    return all;
}

// The calls first: a job that is granted meanwhile shows its call at work, never as waiting for itself.
CallsInFlight::CallsInFlight(Dispatcher& dispatcher, const WireCall& without) : now_ns_(to_ns(Clock::now())) {
    for (const rpc::Server* server : dispatcher.servers())
        for (const auto& client : server->clients()) add_client(*server, client, without);
    jobs_ = look_at_jobs(dispatcher);
    std::stable_sort(calls_.begin(), calls_.end(),
                     [](const Call& a, const Call& b) { return a.seen.arrived_ns < b.seen.arrived_ns; });
    for (Call& call : calls_) find_jobs(call);
}

void CallsInFlight::add_client(const rpc::Server& server, const std::shared_ptr<rpc::Client>& client,
                               const WireCall& without) {
    for (rpc::CallInFlight& seen : client->calls()) {
        // Every call that rpc shows was made by this layer.
        auto wire = std::static_pointer_cast<WireCall>(seen.call);
        if (wire.get() == &without) continue;
        Call& call = calls_.emplace_back();
        call.server = &server;
        call.client = client;
        call.state = state_of(seen, wire.get());
        call.wire = std::move(wire);
        call.seen = std::move(seen);
    }
}

void CallsInFlight::find_jobs(Call& call) const {
    if (call.wire == nullptr) return;
    for (const JobOfObject& job : jobs_) {
        for (const auto& holder : job.jobs.holders)
            if (holder.call == call.wire->id()) call.holds.push_back(&holder);
        for (const auto& waiter : job.jobs.waiters) {
            if (waiter.call != call.wire->id()) continue;
            call.job = &job;
            call.wait = &waiter;
            call.state = waiter.parked ? State::job_parked : State::job;
        }
    }
}

const CallsInFlight::Call* CallsInFlight::by_id(std::uint64_t id) const {
    if (id == 0) return nullptr;
    for (const Call& call : calls_)
        if (call.wire != nullptr && call.wire->id() == id) return &call;
    return nullptr;
}

std::vector<const CallsInFlight::Call*> CallsInFlight::holders(const Call& call) const {
    std::vector<const Call*> found;
    if (call.wait != nullptr) {
        for (const auto& holder : call.job->jobs.holders)
            if (plugin::JobLocks::conflict(holder.job_class, call.wait->job_class))
                if (const Call* other = by_id(holder.call)) found.push_back(other);
        return found;
    }
    for (const Call& other : calls_) {
        if (&other == &call) continue;
        const bool same_client = other.client == call.client && !other.seen.waiting;
        const bool runs = other.wire != nullptr && other.state != State::worker_queue;
        const bool inside = other.state == State::driver && entered(call) && other.wire->instance == call.wire->instance &&
                            root_of(*other.wire) == root_of(*call.wire);
        if ((call.state == State::client_queue && same_client && other.seen.priority == call.seen.priority) ||
            (call.state == State::worker_queue && runs && !other.seen.priority &&
             (other.state == State::driver || other.state == State::host || other.state == State::job_parked)) ||
            (call.state == State::turn && inside))
            found.push_back(&other);
    }
    return found;
}

json CallsInFlight::describe_job(const plugin::JobLocks::Seen& job) const {
    const Call* by = by_id(job.call);
    json row = {{"class", job_class_name(job.job_class)},
                {"what", job.what},
                {"seconds", age(now_ns_, to_ns(job.since))},
                {"call", by != nullptr ? describe(*by) : json(nullptr)}};
    return row;
}

json CallsInFlight::describe(const Call& call) const {
    const protocol::Header& header = call.seen.header;
    const protocol::ProcInfo* proc = protocol::find_proc(header.prog, header.proc);
    json row = {{"server", call.server->name()},
                {"client", call.client->id()},
                {"serial", header.serial},
                {"program", protocol::program_name(header.prog)},
                {"procedure", proc != nullptr ? json(proc->name) : json(header.proc)},
                {"seconds", age(now_ns_, call.seen.arrived_ns)},
                {"priority", call.seen.priority},
                {"state", text_of(call.state).name},
                {"plugin", nullptr},
                {"operation", nullptr},
                {"object", nullptr}};
    if (call.wire != nullptr) row["id"] = call.wire->id();
    if (entered(call)) {
        row["plugin"] = call.wire->instance->plugin_id();
        row["operation"] = call.wire->glue()->name;
        if (const pv_obj* target = call.wire->target())
            row["object"] = {{"kind", kind_name(target->kind)},
                             {"name", target->name},
                             {"uuid", Uuid::from_bytes(target->uuid).to_string()}};
    }
    return row;
}

json CallsInFlight::waits_for(const Call& call) const {
    json row = {{"text", text_of(call.state).text}};
    if (call.wait != nullptr) {
        row["job"] = {{"class", job_class_name(call.wait->job_class)},
                      {"what", call.wait->what},
                      {"seconds", age(now_ns_, to_ns(call.wait->since))},
                      {"object", describe_object(call.job->object)},
                      {"waiters", call.job->jobs.waiters.size()}};
        json held = json::array();
        for (const auto& holder : call.job->jobs.holders)
            if (plugin::JobLocks::conflict(holder.job_class, call.wait->job_class)) held.push_back(describe_job(holder));
        row["held_by"] = std::move(held);
    }
    if (call.state == State::client_queue || call.state == State::worker_queue || call.state == State::turn) {
        json others = json::array();
        for (const Call* other : holders(call)) others.push_back(describe(*other));
        row["behind"] = std::move(others);
    }
    return row;
}

// The chain follows the oldest holder of each step.
json CallsInFlight::explain(const Call& call) const {
    json stack = json::array();
    std::vector<const Call*> seen;
    const Call* at = &call;
    for (int step = 0; at != nullptr && step < kMostSteps; ++step) {
        if (std::find(seen.begin(), seen.end(), at) != seen.end()) break;
        seen.push_back(at);
        json row = describe(*at);
        row["waits_for"] = waits_for(*at);
        json holds = json::array();
        for (const auto* job : at->holds)
            holds.push_back({{"class", job_class_name(job->job_class)},
                             {"what", job->what},
                             {"seconds", age(now_ns_, to_ns(job->since))}});
        row["holds"] = std::move(holds);
        stack.push_back(std::move(row));
        const auto next = holders(*at);
        at = next.empty() ? nullptr : next.front();
    }
    return stack;
}

} // namespace polyvirt::dispatch
