// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Run: one run of a guest's emulator, from before its start until after its end: process, monitor, and
// what is under way between them. It has a loop of its own; everything but launch(), adopt() and the
// post_* functions happens there, one thing at a time. Held by its Guest while that is active, and by
// whatever waits for it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/loop.h>
#include <polyvirt/process.h>

#include "cgroup/cgroup.h"
#include "command/host.h"
#include "beginning.h"
#include "devices/removals.h"
#include "guest.h"
#include "monitor/monitor.h"
#include "ownership/claims.h"
#include "ownership/identity.h"
#include "net/direct.h"
#include "sdk/operation.h"
#include "sdk/task.h"
#include "status.h"

namespace polyvirt::qemu {

class Channels;
class Driver;
class Figures;
class FsServers;
class TpmProcess;

// The folder of a guest's run, for what its emulator makes; -1: of a guest that doesn't run.
Result<std::string> guest_folder(const plugin::Services& s, std::int32_t id, const std::string& name);
// What an emulator's environment holds before the document's own.
std::vector<std::string> emulator_environment(const std::string& folder);

class Run : public std::enable_shared_from_this<Run> {
  public:
    using Waiter = std::function<void(const Status&)>;

    // Null: the host has no thread for the loop.
    static std::shared_ptr<Run> make(Driver& driver, GuestPtr guest, std::int32_t id);
    Run(Driver& driver, GuestPtr guest, std::int32_t id, plugin::Loop loop);
    ~Run();

    // Before launch().
    void begin_as(std::shared_ptr<Beginning> beginning) { beginning_ = std::move(beginning); }
    // [worker] Starts the emulator and connects; then post_boot(). On failure nothing is left but what
    // post_failed() clears.
    Status launch(const Domain& domain, pv_call* call) PV_NO_LOCKS_HELD;
    // [init] Takes over the emulator of an earlier daemon: post_adopted().
    Status adopt(const StatusRecord& record) PV_NO_LOCKS_HELD;

    // Any thread, after launch(): the rest of the start; finishes `op`.
    void post_boot(sdk::OperationPtr op, bool paused);
    // Any thread: a launch() that failed with `why`; finishes `op` with it when the guest is off again.
    void post_failed(sdk::OperationPtr op, const Error& why);
    // Any thread, after adopt(): connects and finds the true state. `op`: the job that holds others off.
    void post_adopted(sdk::OperationPtr op);
    // Any thread: ends the emulator. `done` runs when the guest is off. Graceful: without SIGKILL.
    void post_destroy(bool graceful, const Waiter& done);
    // The same as what it was ended for.
    void post_end(const Ending& ending, const Waiter& done);
    // Any thread: lets go of the emulator, which goes on.
    void post_detach();
    // Any thread. Each finishes `op` when the emulator has answered.
    void post_suspend(sdk::OperationPtr op);
    void post_resume(sdk::OperationPtr op);
    void post_reset(sdk::OperationPtr op);

    // For coroutines; any thread, no lock held. Each goes on on loop().
    // A command to the monitor. Errors: the emulator's own words (internal_error), operation_timeout, operation_invalid
    // where the guest has gone, operation_failed where its monitor has.
    [[nodiscard]] sdk::Async<Result<Json>> qmp(std::string command, Json arguments = {}, std::int64_t timeout_ns = Monitor::kUsual);
    // The same with descriptors that go along.
    [[nodiscard]] sdk::Async<Result<Json>> qmp(std::string command, Json arguments, std::vector<UniqueFd> fds);
    // A whole command of a client's; the answer as a text (Monitor::execute_whole).
    [[nodiscard]] sdk::Async<Result<Json>> qmp_whole(Json document, std::vector<UniqueFd> fds);
    // An event to wait for, from here on: taken before the command that causes it.
    class Expected;
    using ExpectedPtr = std::shared_ptr<Expected>;
    [[nodiscard]] sdk::Async<Result<ExpectedPtr>> expect(std::string event, std::function<bool(const Json& data)> match);
    // Its data. Errors: operation_timeout, operation_invalid where the guest has gone.
    [[nodiscard]] sdk::Async<Result<Json>> wait(ExpectedPtr expected, std::int64_t timeout_ns);
    // What became of a device that removals() expects to go.
    [[nodiscard]] sdk::Async<Result<Removal>> removed(std::string alias, std::int64_t timeout_ns);
    // The power-off that comes is half of a reboot, or it is not; and the power button is pressed, where somebody must.
    [[nodiscard]] sdk::Async<Status> powerdown(bool reboot, bool press);
    // Its monitor is there, for the first time or again. While it isn't, others wait for the guest's job.
    [[nodiscard]] bool ready() const { return ready_; }
    [[nodiscard]] sdk::Async<Status> on_loop();
    // The guest stands still, or goes on, for that reason; nothing where it does so already.
    [[nodiscard]] sdk::Task<Status> pause(std::int32_t reason);
    [[nodiscard]] sdk::Task<Status> go_on(std::int32_t reason);
    // It is off. Goes on on a worker.
    [[nodiscard]] sdk::Async<Status> ended(Ending ending);
    [[nodiscard]] sdk::Async<Status> delay(std::int64_t ns);

    // For what is opened while it runs (new images, devices), before the emulator is told: the emulator may use these
    // files afterwards, and the status record says whose they were. Worker, with the guest's job. Errors: what refuses.
    [[nodiscard]] Status open_up(std::vector<Need> needs, pv_call* call) PV_NO_LOCKS_HELD;
    // And when it does not use them any more.
    void close_up(const std::vector<Need>& needs) PV_NO_LOCKS_HELD;
    // Those of `devices` that are the host's, for the guest: which the emulator is to open afterwards: nobody else has them from here on, they are
    // taken from the host's drivers, and the status record says so beforehand. Worker, with the guest's job. On an error what
    // was done is for return_device(), or for the end of the run, to undo.
    [[nodiscard]] Status take_devices(const sdk::domain::Devices& devices, pv_call* call) PV_NO_LOCKS_HELD;
    // And back, when the emulator has let go of it. Of one that was not taken: nothing. Worker.
    void return_device(const std::string& alias) PV_NO_LOCKS_HELD;
    [[nodiscard]] const Identity& identity() const { return identity_; }
    void set_identity(Identity who) { identity_ = std::move(who); } // before anybody else knows of this run
    // Its control groups. Files of the kernel: not on the loop.
    [[nodiscard]] const cgroup::Group& group() const { return group_; }
    // Others' part of the status record.
    void describe(StatusRecord& record) const;

    [[nodiscard]] Driver& driver() const { return driver_; }
    [[nodiscard]] const plugin::Services& services() const { return s_; }
    [[nodiscard]] const GuestPtr& guest() const { return guest_; }
    // A line in the guest's log. Worker, or where there is nothing better.
    void note(const std::string& text) const { write_log(text); }
    // On the loop: the monitor is there and the guest has neither ended nor is about to.
    [[nodiscard]] Status check_running() const;
    [[nodiscard]] std::int32_t id() const { return id_; }
    [[nodiscard]] std::int64_t pid() const { return pid_; }
    [[nodiscard]] std::uint64_t start_time() const { return start_time_; }
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] const std::string& folder_path() const { return folder_path_; }
    // Loop.
    [[nodiscard]] Removals& removals() { return removals_; }
    [[nodiscard]] const plugin::Loop& loop() const { return loop_; }
    // What the emulator was last heard to say of itself. Any thread.
    [[nodiscard]] Figures& figures() const { return *figures_; }
    // Of its file systems.
    [[nodiscard]] FsServers& servers() { return *servers_; }
    [[nodiscard]] const std::string& log_path() const { return log_path_; }
    // Its channels and its guest's agent. On the loop.
    [[nodiscard]] Channels& channels() const { return *channels_; }

  private:
    enum class Phase : std::uint8_t { starting, running, ended };
    enum class End : std::uint8_t { none, destroyed, failed, shutdown, crashed, told };

    // run_launch.cpp [worker]
    Status make_folder();
    Status give(const std::string& folder) const;
    Status plan(const Domain& domain);
    Status pass_groups(const Domain& domain, std::vector<UniqueFd>& passed, std::vector<std::string>& args) const;
    Status make_huge_folders(HostResources& host);
    Status confine(const Domain& domain, pv_call* call);
    void clear();
    [[nodiscard]] std::string memory_folder() const;
    Status make_memory_folder(const Domain& domain) const;
    Status open_log();
    Result<UniqueFd> listen() const;
    Result<UniqueFd> connect() const;
    Status spawn(const Domain& domain, const UniqueFd& listener, UniqueFd vsock, pv_call* call);
    void keep(plugin::ChildProcess process);
    void write_log(const std::string& text) const;
    std::string log_tail() const;
    void remove_folder() const;

    // run_start.cpp [loop]
    void open_monitor();
    void query_chardevs();
    void prepare();
    void boot();
    void tell_started();
    void start_done();
    void start_refused(const Error& why);
    void start_failed(const Error& why);
    void query_status();
    void undo_cut_off();
    void reattach();
    void reattach_later(const Error& why);
    void use_chardevs(const Json& list);

    // run_events.cpp [loop]
    struct EventRow {
        std::string_view name;
        void (*handle)(Run& run, const QmpEvent& event);
    };
    static const EventRow kEvents[];
    void on_event(const QmpEvent& event);
    void tell_clients(const QmpEvent& event);
    void on_stop();
    void on_resume();
    void on_shutdown(const QmpEvent& event);
    void on_reset();
    void on_panicked();
    void on_io_error(const QmpEvent& event);
    void on_watchdog(const QmpEvent& event);
    void on_watchdog_dump(); // life/run_crash.cpp
    void dump_then(void (*then)(Run&));
    void end_crashed();
    void on_sleep(bool disk); // life/run_power.cpp
    void on_wakeup();
    void power_cycle(std::int32_t reason);
    void save_soon();

    // run_stop.cpp [loop]
    void on_exit(std::int32_t wait_status);
    void detach();
    void on_monitor_closed(const Error& why);
    void outlived_monitor();
    void kill(bool graceful);
    void kill_harder();
    void end();
    void show_end(bool& transient);
    Error start_error() const;
    std::string_view end_name() const;

    void post(std::function<void()> fn);
    // A command whose reply alone decides `op`; on success the status is saved first.
    void command(const char* name, sdk::OperationPtr op);
    void tell_expected(const QmpEvent& event);
    void drop_expected(const Error& why);
    struct Delay;
    void end_delay(const Delay* which);
    void finish_saved(const sdk::OperationPtr& op);
    [[nodiscard]] std::string who() const;

    Driver& driver_;
    const plugin::Services& s_;
    const GuestPtr guest_;
    const std::int32_t id_;
    std::shared_ptr<Beginning> beginning_; // null: it boots. Until launch()
    plugin::Loop loop_; // before all that watches on it: a watch must not outlive its loop

    // Constant after launch() or adopt().
    std::atomic<std::int64_t> pid_{0};
    std::atomic<std::uint64_t> start_time_{0};
    std::atomic<bool> ready_{false};
    std::string folder_, folder_path_, log_path_;
    UniqueFd log_, socket_;
    Identity identity_;
    cgroup::Group group_;
    std::vector<std::string> folders_; // elsewhere than folder_path_
    std::int64_t log_start_ = 0;

    // On the loop alone.
    Phase phase_ = Phase::starting;
    plugin::ChildProcess process_;
    std::shared_ptr<Monitor> monitor_;
    sdk::OperationPtr start_op_;
    bool paused_ = false, exited_ = false, stopping_ = false, adopted_ = false, reattaching_ = false, detached_ = false;
    bool talks_ = false; // negotiation with the monitor is over
    bool told_ = false;  // clients know that it has started
    bool reboot_asked_ = false, cycling_ = false; // cycling: between power-off and power-on of a reboot
    End end_ = End::none;
    Ending ending_;
    Status failure_;
    std::int32_t next_running_ = PV_DOMAIN_RUNNING_BOOTED;
    std::int32_t next_paused_ = PV_DOMAIN_PAUSED_UNKNOWN;
    int kill_stage_ = 0;
    bool graceful_ = false;
    std::vector<Waiter> waiters_;
    plugin::Watch kill_timer_, exit_timer_;
    std::list<ExpectedPtr> expected_;
    std::list<std::shared_ptr<Delay>> delays_;
    std::vector<Claim> claims_left_; // from the end until they are given back
    std::vector<DirectLink> links_left_; // and until they are removed
    std::vector<HeldDevice> devices_left_;
    std::vector<FsServer> servers_left_; // likewise, until they have ended
    Removals removals_;
    const std::unique_ptr<Figures> figures_;
    const std::unique_ptr<Channels> channels_;
    const std::unique_ptr<TpmProcess> tpm_;
    const std::unique_ptr<FsServers> servers_;
};

} // namespace polyvirt::qemu
