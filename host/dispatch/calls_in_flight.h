// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Every call in flight at one moment, and what each waits for: from the clients' places, the calls
// themselves, and the jobs that are held on objects. Gathered when somebody asks; calls pay for it with a
// few stores (rpc/call_place.h, plugin::Call::Stage, JobLocks).
//
// Plain data of one thread once it is made; it keeps what it shows alive.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "host/dispatch/wire_call.h"
#include "host/plugin/job_locks.h"
#include "host/rpc/call_place.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {

// A job that is held on an object, or waited for.
struct JobOfObject {
    std::shared_ptr<plugin::Instance> instance;
    plugin::ObjectPtr object; // null: it has been retired meanwhile
    plugin::JobLocks::ObjectJobs jobs;
};

// Every job of every plugin.
std::vector<JobOfObject> look_at_jobs(Dispatcher& dispatcher) PV_NO_LOCKS_HELD;

class CallsInFlight {
  public:
    enum class State : std::uint8_t {
        client_queue, // its client has its share of calls running already
        worker_queue, // waits for a worker
        host,         // a worker runs the host's own code
        turn,         // waits for calls that are inside the driver with the same object
        job,          // waits for a job on its object, without a thread
        job_parked,   // the same, and a worker waits with it
        driver,       // a worker is inside the driver
        answer,       // the driver will answer later
    };
    struct Call {
        const rpc::Server* server = nullptr;
        std::shared_ptr<rpc::Client> client;
        rpc::CallInFlight seen;
        std::shared_ptr<WireCall> wire; // null: not begun
        State state = State::worker_queue;
        const JobOfObject* job = nullptr; // the one that it waits for
        const plugin::JobLocks::Seen* wait = nullptr;
        std::vector<const plugin::JobLocks::Seen*> holds;
    };

    // `without`: the call that asks.
    CallsInFlight(Dispatcher& dispatcher, const WireCall& without) PV_NO_LOCKS_HELD;
    CallsInFlight(const CallsInFlight&) = delete;
    CallsInFlight& operator=(const CallsInFlight&) = delete;

    // The oldest first.
    [[nodiscard]] const std::vector<Call>& all() const { return calls_; }
    [[nodiscard]] const std::vector<JobOfObject>& jobs() const { return jobs_; }
    [[nodiscard]] const Call* by_id(std::uint64_t id) const;
    // The calls for which `call` waits; for a job also what holds it, in `jobs`.
    [[nodiscard]] std::vector<const Call*> holders(const Call& call) const;

    // One line of a table, and everything about one call with the calls that it waits for, recursively.
    [[nodiscard]] nlohmann::json describe(const Call& call) const;
    [[nodiscard]] nlohmann::json explain(const Call& call) const;

  private:
    void add_client(const rpc::Server& server, const std::shared_ptr<rpc::Client>& client, const WireCall& without);
    void find_jobs(Call& call) const;
    [[nodiscard]] nlohmann::json waits_for(const Call& call) const;
    [[nodiscard]] nlohmann::json describe_job(const plugin::JobLocks::Seen& job) const;

    std::vector<JobOfObject> jobs_;
    std::vector<Call> calls_;
    const std::int64_t now_ns_;
};

// "modify", "query".
const char* job_class_name(std::uint32_t job_class);
// Kind, name, uuid and id of an object.
nlohmann::json describe_object(const plugin::ObjectPtr& object);

} // namespace polyvirt::dispatch
