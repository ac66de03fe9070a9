// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Container: one run of a guest, from before its start until after its end: its supervisor's process, the link to that,
// and what was made for it. What changes after the start does so on the driver's loop, one thing at a time; nothing
// waits there. Held by its Guest while that is active, and by whatever waits for it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <polyvirt/process.h>

#include "container/status.h"
#include "guest.h"
#include "sdk/cgroup/cgroup.h"
#include "sdk/operation.h"
#include "sdk/task.h"

namespace polyvirt::lxc {

class Driver;
class SupervisorLink;

class Container : public std::enable_shared_from_this<Container> {
  public:
    using Waiter = std::function<void(const Status&)>;
    using Json = nlohmann::json;
    static constexpr std::int64_t kSecond = 1'000'000'000;

    Container(Driver& driver, GuestPtr guest, std::int32_t id);
    ~Container();

    // [worker, with the guest's job] Makes what it needs and starts its supervisor; `op` ends when its init runs, or
    // nothing is left of it. The guest has it already.
    void launch(const sdk::OperationPtr& op, Domain domain) PV_NO_LOCKS_HELD;
    // [start] Takes over what an earlier daemon has started, or clears away what it began.
    void adopt(const sdk::OperationPtr& op, const StatusRecord& record);
    // Any thread: ends it, whatever its processes, its supervisor and liblxc do. `done` runs when nothing is left of
    // it.
    void destroy(Waiter done);
    // Any thread: the daemon ends, and the container goes on.
    void detach();
    // Any thread, no lock held. Asks the supervisor; goes on on the loop.
    [[nodiscard]] sdk::Async<Status> ask(Json request, std::int64_t timeout_ns = 30 * kSecond);

    void describe(StatusRecord& record) const; // under the guest's lock
    // The kind of file system on a device of the host. Worker.
    Result<std::string> fs_of(const std::string& device, pv_call* call) const;
    // Its control groups. Files of the kernel: not on the loop.
    [[nodiscard]] const sdk::cgroup::Group& group() const { return group_; }
    // Process 1 of the container, as the host sees it; 0: it has none.
    [[nodiscard]] std::int64_t init() const { return init_; }

  private:
    enum class Phase : std::uint8_t { starting, running, ended };

    // launch.cpp [worker]
    Status prepare(Domain& domain, pv_call* call);
    Status limit(const Domain& domain) const;
    Status spawn(pv_call* call);
    void clear();
    void keep_log() const;
    void drop_lock() const;
    Status make_folder() const;
    Status note_start(const Domain& domain) const;
    Status show_as_started() const;
    void drop_unplugged() const;
    void free_ports(const std::vector<sdk::domain::Interface>& of) const;

    // [loop]
    void open_link();
    void heard(const Json& message);
    void started(const Json& message);
    void rebooted(std::int64_t init);
    void failed(const Error& why);
    void on_exit(std::int32_t status);
    void kill_harder();
    void end();
    bool show_end();
    void post(std::function<void()> fn);
    [[nodiscard]] std::string who() const;

    Driver& driver_;
    const plugin::Services& s_;
    const GuestPtr guest_;
    const std::int32_t id_;

    // Constant after prepare() or adopt().
    std::string folder_, folder_path_;
    sdk::cgroup::Group group_;
    std::vector<UniqueFd> loops_;                 // of images, until they are mounted
    UniqueFd log_;
    std::atomic<std::int64_t> pid_{0}, init_{0};
    std::atomic<std::uint64_t> start_time_{0};

    // On the loop alone.
    Phase phase_ = Phase::starting;
    bool adopted_ = false, exited_ = false, destroyed_ = false, detached_ = false;
    std::int32_t exit_status_ = 0;
    plugin::ChildProcess process_;
    std::shared_ptr<SupervisorLink> link_;
    sdk::OperationPtr start_op_;
    Status failure_;
    std::vector<Waiter> waiters_;
    plugin::Watch patience_;
    std::vector<sdk::domain::Interface> plugged_; // at its end: those that may have ports on networks
    int kill_stage_ = 0;
};

} // namespace polyvirt::lxc
