// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The end of a run: asked for, by the guest itself, or by accident.

#include "run.h"

#include <csignal>
#include <cstring>
#include <utility>

#include <polyvirt/job.h>
#include <sys/wait.h>

#include "agent/channels.h"
#include "base/error_text.h"
#include "base/log.h"
#include "console/ports.h"
#include "driver.h"
#include "hooks/hooks.h"
#include "moments/unfinished.h"
#include "net/port.h"
#include "net/script.h"
#include "stats/figures.h"
#include "tpm/tpm.h"
#include "tpm/tpm_process.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTermPatience = 10 * kSecond; // the emulator flushes its disks
constexpr std::int64_t kKillPatience = 15 * kSecond; // the kernel waits for I/O in flight
constexpr std::int64_t kExitPatience = 5 * kSecond;  // between the monitor's end and the process's

} // namespace

void Run::post_destroy(bool graceful, const Waiter& done) {
    const bool posted = loop_.post([self = shared_from_this(), graceful, done] {
        if (self->phase_ == Phase::ended) return done({});
        self->waiters_.push_back(done);
        if (self->end_ == End::none) self->end_ = End::destroyed;
        self->kill(graceful);
    });
    if (!posted) done(make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the loop of {} has ended", who()));
}

void Run::post_end(const Ending& ending, const Waiter& done) {
    const bool posted = loop_.post([self = shared_from_this(), ending, done] {
        if (self->phase_ == Phase::ended) return done({});
        self->waiters_.push_back(done);
        if (self->end_ == End::none) {
            self->end_ = End::told;
            self->ending_ = ending;
        }
        self->kill(false);
    });
    if (!posted) done(make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the loop of {} has ended", who()));
}

void Run::kill(bool graceful) {
    stopping_ = true;
    if (exited_ || phase_ == Phase::ended) return;
    if (kill_stage_ > 0) {
        graceful_ = graceful_ && graceful; // a later call may want more
        return;
    }
    if (!process_) return; // not yet started: post_boot() sees stopping_
    graceful_ = graceful;
    kill_stage_ = 1;
    process_.signal(SIGTERM);
    const std::weak_ptr<Run> weak = weak_from_this();
    kill_timer_ = loop_.timer(kTermPatience, 0, [weak] {
        if (const auto self = weak.lock()) self->kill_harder();
    });
}

void Run::kill_harder() {
    if (exited_) return;
    const bool killed = kill_stage_ == 2;
    if (!killed && !graceful_) {
        kill_stage_ = 2;
        process_.signal(SIGKILL);
        kill_timer_.set_timer(kKillPatience);
        return;
    }
    // It is still there. Who waits is told; when it goes at last, on_exit() does the rest.
    kill_stage_ = 0;
    const Error error = make_system_error(
        EBUSY, ErrorDomain::none, fmt::format("Failed to terminate process {} with {}", pid_.load(), killed ? "SIGKILL" : "SIGTERM"));
    log::error("run", "{}: {}", who(), error.message);
    for (const Waiter& done : std::exchange(waiters_, {})) done(error);
    if (!killed && end_ == End::destroyed) end_ = End::none; // it was asked politely and goes on
    stopping_ = killed;
}

void Run::on_monitor_closed(const Error& why) {
    if (phase_ == Phase::ended || exited_ || reattaching_) return;
    log::info("run", "{}: {}", who(), why.message);
    if (stopping_) return;
    // A moment for the process to end by itself: its exit tells more than its monitor's.
    const std::weak_ptr<Run> weak = weak_from_this();
    exit_timer_ = loop_.timer(kExitPatience, 0, [weak] {
        if (const auto self = weak.lock()) self->outlived_monitor();
    });
}

void Run::outlived_monitor() {
    if (exited_ || stopping_ || phase_ == Phase::ended) return;
    if (phase_ == Phase::starting) return kill(false);
    {
        const ObjectLock lock(guest_->mu);
        pv_event_domain_control_error payload{};
        payload.size = sizeof payload;
        driver_.post_event(*guest_, PV_EVENT_DOMAIN_CONTROL_ERROR, &payload);
    }
    reattach();
}

// The daemon ends and the guest goes on.
void Run::post_detach() {
    post([self = shared_from_this()] {
        // While a worker still launches it, that needs the loop; post_boot() comes next, and sees this.
        self->detached_ = true;
        if (self->phase_ != Phase::starting || self->start_op_ || self->adopted_) self->detach();
    });
}

// Nothing of this run happens afterwards.
void Run::detach() {
    if (phase_ == Phase::ended) return;
    phase_ = Phase::ended;
    const Error why = make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "the daemon is ending");
    channels_->close("the daemon is ending");
    if (monitor_) monitor_->close(why);
    monitor_ = nullptr;
    drop_expected(why);
    kill_timer_.reset();
    exit_timer_.reset();
    figures_->close();
    start_op_ = nullptr;
    process_.reset();
    servers_->forget();
    loop_.reset();
}

// `wait_status` says nothing where an earlier daemon started it.
void Run::on_exit(std::int32_t wait_status) {
    exited_ = true;
    if (phase_ == Phase::ended) return;
    if (WIFSIGNALED(wait_status) && kill_stage_ == 0) {
        const int number = WTERMSIG(wait_status);
        const char* const name = ::sigdescr_np(number);
        const std::string what = fmt::format("ended by signal {} ({})", number, name != nullptr ? name : "unknown");
        log::error("run", "{}: its emulator was {}", who(), what);
        write_log("the emulator was " + what);
    }
    // What it said last, above all why it ended.
    if (monitor_) monitor_->drain();
    if (phase_ == Phase::starting && start_op_ == nullptr) return; // post_boot() or post_adopted() is on its way
    end();
}

std::string_view Run::end_name() const {
    switch (end_) {
    case End::destroyed: return "destroyed";
    case End::failed: return "failed";
    case End::shutdown: return "shutdown";
    case End::told: return ending_.name;
    default: return "crashed";
    }
}

Error Run::start_error() const {
    if (end_ == End::destroyed)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "{} was destroyed while it was started", who());
    std::string tail = log_tail();
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "process exited while connecting to monitor{}{}",
                      tail.empty() ? "" : ": ", tail);
}

// Under the guest's lock: everybody sees it off from here on.
void Run::show_end(bool& transient) {
    const bool starting = phase_ == Phase::starting && !adopted_;
    const ObjectLock lock(guest_->mu);
    if (guest_->state == PV_DOMAIN_SHUTDOWN && end_ == End::none) end_ = End::shutdown;
    std::int32_t reason = PV_DOMAIN_SHUTOFF_CRASHED, detail = PV_DOMAIN_EVENT_STOPPED_FAILED;
    if (end_ == End::destroyed) reason = PV_DOMAIN_SHUTOFF_DESTROYED, detail = PV_DOMAIN_EVENT_STOPPED_DESTROYED;
    if (end_ == End::shutdown) reason = PV_DOMAIN_SHUTOFF_SHUTDOWN, detail = PV_DOMAIN_EVENT_STOPPED_SHUTDOWN;
    if (end_ == End::crashed) detail = PV_DOMAIN_EVENT_STOPPED_CRASHED;
    if (end_ == End::told) reason = ending_.reason, detail = ending_.detail;
    if (end_ == End::failed) reason = PV_DOMAIN_SHUTOFF_FAILED;
    claims_left_ = std::exchange(guest_->claims, {});
    links_left_ = std::exchange(guest_->links, {});
    devices_left_ = std::exchange(guest_->host_devices, {});
    servers_left_ = std::exchange(guest_->servers, {});
    guest_->live = nullptr;
    guest_->run = nullptr;
    guest_->id = -1;
    guest_->blocks = {};
    guest_->attaching = nullptr;
    guest_->updated = false;
    guest_->taints = 0;
    guest_->agent_timeout = PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
    guest_->backup = nullptr;
    if (guest_->autodestroy != 0) s_.client->forget(s_.host, guest_->autodestroy, kAutodestroy, guest_->handle);
    guest_->autodestroy = 0;
    driver_.set_state(*guest_, PV_DOMAIN_SHUTOFF, reason);
    if (!starting) driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_STOPPED, detail);
    transient = guest_->config == nullptr && !guest_->held;
}

void Run::end() {
    if (phase_ == Phase::ended) return;
    const auto self = shared_from_this();
    const bool starting = phase_ == Phase::starting;
    if (starting && end_ == End::none && !adopted_) end_ = End::failed;
    Status start_result;
    if (starting) start_result = failure_ ? Status(start_error()) : failure_;
    if (monitor_)
        monitor_->close(make_error(ErrorCode::internal_error, ErrorDomain::qemu, "End of file from qemu monitor"));
    kill_timer_.reset();
    exit_timer_.reset();
    figures_->close();
    bool transient = false;
    std::shared_ptr<const Domain> last;
    {
        const ObjectLock lock(guest_->mu);
        last = guest_->live;
    }
    show_end(transient);
    if (last) give_ports(*last);
    phase_ = Phase::ended;
    monitor_ = nullptr;
    channels_->close("the guest has ended");
    tpm_->end();
    servers_->forget();
    process_.reset();
    drop_expected(make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running"));
    if (transient) driver_.guest_stopped(guest_);
    // Cleared away first: until its record is gone, the next daemon would do it. And the record goes before anybody hears
    // of the end, so that no restart finds it again.
    auto finish = [self, last, transient, op = std::exchange(start_op_, nullptr), start_result, waiters = std::exchange(waiters_, {})](bool worker) {
        if (worker && last) call_end_hook(self->driver_, *last, "stopped");
        self->clear();
        if (last) free_ports(self->s_, *last);
        if (worker && last)
            for (const auto& i : last->devices.interfaces) take_down(self->driver_, last->name, i);
        if (worker && last) call_end_hook(self->driver_, *last, "release");
        if (last && transient) {
            const Status gone = forget_tpm(self->s_.paths->dir(self->s_.host, PV_PATH_STATE), *last, 0);
            if (!gone) log::warning("run", "{}: {}", self->who(), gone.error().message);
        }
        const Status saved = self->driver_.save_status_now(self->guest_, nullptr);
        for (const Waiter& done : waiters) done(saved);
        // Of a guest that ended while there was no daemon; as soon as it has the job.
        if (self->adopted_) finish_cut_snapshot_off(self->driver_, self->guest_);
        if (op) op->finish(start_result); // the guest's job: what waits for its end has been done
    };
    if (!plugin::submit(s_, guest_->strand, [finish] { finish(true); })) finish(false); // where no script may be waited for
}

} // namespace polyvirt::qemu
