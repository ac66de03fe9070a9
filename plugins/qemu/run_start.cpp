// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// From a process to a guest: monitor, what the emulator chose, first instruction. And the same for an
// emulator that an earlier daemon started.

#include "run.h"

#include <utility>

#include "agent/channels.h"
#include "base/error_text.h"
#include "base/log.h"
#include "block/iotune.h"
#include "block/jobs.h"
#include "console/displays.h"
#include "devices/live.h"
#include "driver.h"
#include "hooks/hooks.h"
#include "moments/checkpoint_ops.h"
#include "moments/unfinished.h"
#include "monitor/json.h"
#include "net/rx_filter.h"
#include "save/migrate.h"
#include "save/save_ops.h"
#include "stats/figures.h"
#include "tpm/tpm_process.h"
#include "tune/prepare.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

constexpr std::int64_t kStartPatience = 10; // times what other commands are given
constexpr std::int64_t kReattachPause = 5 * Monitor::kSecond;

} // namespace

std::shared_ptr<Run> Run::make(Driver& driver, GuestPtr guest, std::int32_t id) {
    plugin::Loop loop(driver.services(), PV_LOOP_POOLED, fmt::format("{}", id).c_str());
    if (!loop) return nullptr;
    return std::make_shared<Run>(driver, std::move(guest), id, std::move(loop));
}

Run::Run(Driver& driver, GuestPtr guest, std::int32_t id, plugin::Loop loop)
    : driver_(driver), s_(driver.services()), guest_(std::move(guest)), id_(id), loop_(std::move(loop)),
      figures_(std::make_unique<Figures>(s_)), channels_(std::make_unique<Channels>(*this)), tpm_(std::make_unique<TpmProcess>()),
      servers_(std::make_unique<FsServers>()) {}

Run::~Run() = default;

std::string Run::who() const { return "domain '" + guest_->name + "'"; }

void Run::post(std::function<void()> fn) {
    if (!loop_.post(std::move(fn))) log::warning("run", "{}: its loop has ended", who());
}

void Run::post_boot(sdk::OperationPtr op, bool paused) {
    post([self = shared_from_this(), op = std::move(op), paused] {
        self->start_op_ = op;
        self->paused_ = paused;
        if (self->detached_) return self->detach();
        if (self->exited_) return self->end();
        if (self->stopping_) return self->kill(false);
        self->open_monitor();
    });
}

void Run::post_failed(sdk::OperationPtr op, const Error& why) {
    post([self = shared_from_this(), op = std::move(op), why] {
        self->start_op_ = op;
        self->start_failed(why);
    });
}

void Run::post_adopted(sdk::OperationPtr op) {
    post([self = shared_from_this(), op = std::move(op)] {
        self->start_op_ = op;
        if (self->exited_) return self->end();
        if (self->phase_ != Phase::ended && !self->stopping_) self->reattach();
    });
}

// Connects to an emulator that runs already. It is not ended for not answering: it may be stopped, or
// wait for a disk, and its guest is worth more than our view of it.
void Run::reattach() {
    reattaching_ = true;
    auto fd = connect();
    if (!fd) return reattach_later(fd.error());
    socket_ = *std::move(fd);
    open_monitor();
}

void Run::reattach_later(const Error& why) {
    if (exited_ || stopping_ || phase_ == Phase::ended) return;
    if (monitor_) monitor_->close(why);
    monitor_ = nullptr;
    log::warning("run", "{}: its emulator (pid {}) is not managed: {}; the next attempt is in {} s", who(), pid_.load(),
                 why.message, kReattachPause / Monitor::kSecond);
    const std::weak_ptr<Run> weak = weak_from_this();
    exit_timer_ = loop_.timer(kReattachPause, 0, [weak] {
        const auto self = weak.lock();
        if (self && !self->exited_ && !self->stopping_ && self->phase_ != Phase::ended) self->reattach();
    });
}

void Run::open_monitor() {
    const std::weak_ptr<Run> weak = weak_from_this();
    monitor_ = Monitor::open(loop_, s_, std::move(socket_), who(),
                             {.event =
                                  [weak](const QmpEvent& event) {
                                      if (const auto self = weak.lock()) self->on_event(event);
                                  },
                              .closed =
                                  [weak](const Error& why) {
                                      if (const auto self = weak.lock()) self->on_monitor_closed(why);
                                  }});
    if (!monitor_)
        return start_refused(make_error(ErrorCode::internal_error, ErrorDomain::qemu, "no watch for the monitor of {}", who()));
    const std::int64_t usual = driver_.settings().monitor_timeout_ns;
    monitor_->set_timeout(usual);
    // Before it greets it makes the guest's memory, which takes its time; that it ends is noticed at once.
    monitor_->negotiate(reattaching_ ? usual : kStartPatience * usual, [this](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        talks_ = true;
        if (reattaching_) query_status();
        else query_chardevs();
    });
}

void Run::query_chardevs() {
    monitor_->execute("query-chardev", {}, [this](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        use_chardevs(*reply);
        channels_->use_states(*reply, PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_DOMAIN_STARTED);
        prepare();
    });
}

// Which terminals the emulator got goes into the live description, for `virsh ttyconsole` and open_console.
void Run::use_chardevs(const Json& list) {
    if (!list.is_array()) return;
    const ObjectLock lock(guest_->mu);
    if (!guest_->live) return;
    auto live = std::make_shared<Domain>(*guest_->live);
    const auto path_of = [&](const std::string& alias) -> std::string {
        for (const Json& entry : list) {
            if (text_of(entry, "label") != "char" + alias) continue;
            const std::string file = text_of(entry, "filename");
            if (file.starts_with("pty:")) return file.substr(4);
        }
        return {};
    };
    const auto fill = [&](sdk::domain::Chardev& c, const std::string& alias) {
        if (c.type != sdk::domain::ChardevType::pty) return;
        const std::string path = path_of(alias);
        if (path.empty()) return;
        if (c.sources.empty()) c.sources.emplace_back();
        c.sources.front().path = path;
    };
    for (auto* devices : {&live->devices.serials, &live->devices.parallels, &live->devices.channels}) {
        for (auto& c : *devices) fill(c, c.info.alias.name);
    }
    for (auto& c : live->devices.consoles) {
        fill(c, c.info.alias.name);
        if (c.type == sdk::domain::ChardevType::pty && !c.sources.empty()) c.tty = c.sources.front().path;
    }
    guest_->live = std::move(live);
}

// What is told to the emulator, and done to its threads, before the guest runs. What a saved guest was is in it by then.
static sdk::Task<Status> prepare_guest(std::shared_ptr<Run> run, std::shared_ptr<Beginning> beginning) {
    PV_CO_TRY(co_await prepare_displays(run));
    PV_CO_TRY(co_await prepare_tuning(run));
    PV_CO_TRY(co_await apply_io_tune(run));
    if (beginning && beginning->prepare) PV_CO_TRY(co_await beginning->prepare(run));
    co_return Status();
}

void Run::prepare() {
    sdk::start(prepare_guest(shared_from_this(), beginning_), [self = shared_from_this()](const Status& prepared) {
        self->post([self, prepared] {
            if (self->phase_ != Phase::starting || self->exited_ || self->stopping_) return;
            if (!prepared) return self->start_refused(prepared.error());
            if (self->beginning_ && self->beginning_->prepare) self->tell_started();
            self->boot();
        });
    });
}

void Run::boot() {
    next_running_ = beginning_ ? beginning_->running : PV_DOMAIN_RUNNING_BOOTED;
    const auto done = [this] {
        if (!has_hooks(driver_)) return start_done();
        sdk::start(call_hook_of(shared_from_this(), "started"), [self = shared_from_this()](const Status& hooked) {
            self->post([self, hooked] {
                if (self->phase_ != Phase::starting || self->exited_ || self->stopping_) return;
                if (!hooked) return self->start_refused(hooked.error());
                self->start_done();
            });
        });
    };
    if (paused_) {
        {
            const ObjectLock lock(guest_->mu);
            driver_.set_state(*guest_, PV_DOMAIN_PAUSED, beginning_ ? beginning_->paused : PV_DOMAIN_PAUSED_USER);
        }
        return done();
    }
    monitor_->execute("cont", {}, [this, done](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        done();
    });
}

void Run::tell_started() {
    if (std::exchange(told_, true)) return;
    const ObjectLock lock(guest_->mu);
    driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_STARTED, beginning_ ? beginning_->started : PV_DOMAIN_EVENT_STARTED_BOOTED);
}

void Run::start_done() {
    phase_ = Phase::running;
    ready_ = true;
    {
        const ObjectLock lock(guest_->mu);
        if (!paused_ && guest_->state == PV_DOMAIN_PAUSED && guest_->reason == PV_DOMAIN_PAUSED_STARTING_UP)
            driver_.set_state(*guest_, PV_DOMAIN_RUNNING, beginning_ ? beginning_->running : PV_DOMAIN_RUNNING_BOOTED);
    }
    tell_started();
    if (paused_) {
        const ObjectLock lock(guest_->mu);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_SUSPENDED, beginning_ ? beginning_->suspended : PV_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
    beginning_ = nullptr;
    finish_saved(std::exchange(start_op_, nullptr));
    sdk::start(separate_threads(shared_from_this()), [self = shared_from_this()](const Status& separated) {
        if (!separated) log::warning("run", "{}: {}", self->who(), separated.error().message);
    });
}

// Whether undo_cut_off() has it go on.
static bool is_cut_off(const Guest& guest) PV_REQUIRES(guest.mu) {
    const std::int32_t why = guest.reason;
    return guest.state == PV_DOMAIN_PAUSED &&
           (why == PV_DOMAIN_PAUSED_SAVE || why == PV_DOMAIN_PAUSED_DUMP || why == PV_DOMAIN_PAUSED_SNAPSHOT);
}

// Of a paused guest whose save was cut off when all of its state was out, the emulator has let go of the images, as if it
// ran elsewhere from then on. It takes them up again only when the guest goes on, be it for a moment.
static sdk::Task<Status> take_up_images(std::shared_ptr<Run> run) {
    {
        Guest& guest = *run->guest();
        const ObjectLock lock(guest.mu);
        if (guest.state != PV_DOMAIN_PAUSED || is_cut_off(guest)) co_return Status{};
    }
    PV_CO_TRY(co_await end_cut_migration(run));
    const auto now = co_await run->qmp("query-status", Json());
    PV_CO_TRY(now);
    if (text_of(*now, "status") != "postmigrate") co_return Status{};
    log::info("run", "domain '{}': it was being saved when the daemon ended; it takes its images up again", run->guest()->name);
    const auto cont = co_await run->qmp("cont", Json());
    PV_CO_TRY(cont);
    co_return co_await run->pause(PV_DOMAIN_PAUSED_USER);
}

// Whoever asks for the guest's job after the daemon's restart finds it as its emulator has it.
static sdk::Task<Status> take_up(std::shared_ptr<Run> run) {
    if (has_hooks(run->driver())) {
        if (const Status hooked = co_await call_hook_of(run, "reconnect"); !hooked) log::warning("hooks", "{}", hooked.error().message);
        PV_CO_TRY(co_await run->on_loop());
    }
    if (const Status taken = co_await take_up_images(run); !taken)
        log::warning("run", "domain '{}': its images are not taken up again: {}", run->guest()->name, taken.error().message);
    const auto devices = co_await reconcile_devices(run->guest(), run);
    if (!devices) log::warning("devices", "domain '{}': which devices it has is not known: {}", run->guest()->name, devices.error().message);
    if (const Status followed = co_await follow_rx_filters(run); !followed) log::warning("net", "domain '{}': {}", run->guest()->name, followed.error().message);
    if (const Status ended = co_await finish_cut_snapshot(run->guest(), run); !ended)
        log::warning("snapshot", "domain '{}': what was being done is not ended: {}", run->guest()->name, ended.error().message);
    PV_CO_TRY(co_await run->on_loop());
    co_return co_await resume_jobs(run);
}

void Run::query_status() {
    monitor_->execute("query-status", {}, [this](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        const std::string status = text_of(*reply, "status");
        bool half_started = false, shut = false;
        {
            const ObjectLock lock(guest_->mu);
            // One whose instructions run has been started, though nobody was told.
            half_started = guest_->state == PV_DOMAIN_PAUSED && guest_->reason == PV_DOMAIN_PAUSED_STARTING_UP && status != "running";
            if (status == "running" && guest_->state != PV_DOMAIN_RUNNING)
                driver_.set_state(*guest_, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_UNPAUSED);
            else if (status == "shutdown") {
                shut = true;
                driver_.set_state(*guest_, PV_DOMAIN_SHUTDOWN, PV_DOMAIN_SHUTDOWN_UNKNOWN);
            } else if (status == "guest-panicked" && guest_->state != PV_DOMAIN_CRASHED) {
                driver_.set_state(*guest_, PV_DOMAIN_CRASHED, PV_DOMAIN_CRASHED_PANICKED);
            } else if (status == "suspended" && guest_->state != PV_DOMAIN_PMSUSPENDED) {
                driver_.set_state(*guest_, PV_DOMAIN_PMSUSPENDED, PV_DOMAIN_PMSUSPENDED_UNKNOWN);
            } else if (status != "running" && guest_->state == PV_DOMAIN_RUNNING)
                driver_.set_state(*guest_, PV_DOMAIN_PAUSED,
                                  status == "io-error"   ? PV_DOMAIN_PAUSED_IOERROR
                                  : status == "watchdog" ? PV_DOMAIN_PAUSED_WATCHDOG
                                                         : guest_->pausing);
            guest_->pausing = 0;
        }
        reattaching_ = false;
        // Its start was cut off with the daemon, so nobody was told that it runs.
        if (half_started)
            return start_failed(make_error(ErrorCode::operation_failed, ErrorDomain::qemu,
                                           "the start of {} was cut off when the daemon ended", who()));
        phase_ = Phase::running;
        ready_ = true;
        // Channels may have been opened and closed while nobody listened.
        monitor_->execute("query-chardev", {}, [this](Result<Json> list) {
            if (list) channels_->use_states(*list, PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL);
            channels_->connect();
        });
        driver_.saving().adopted(guest_);
        driver_.checkpoints().adopted(guest_);
        log::info("run", "{}: managed again (pid {}, {})", who(), pid_.load(), status);
        if (shut) { // it has powered off in between
            finish_saved(std::exchange(start_op_, nullptr));
            return kill(false);
        }
        sdk::start(relearn_tuning(shared_from_this()), [self = shared_from_this()](const Status& learned) {
            if (!learned) log::warning("run", "{}: its processors are not known: {}", self->who(), learned.error().message);
        });
        undo_cut_off();
        if (!start_op_) return resume_jobs_in_turn(shared_from_this());
        sdk::start(take_up(shared_from_this()), [self = shared_from_this(), op = std::exchange(start_op_, nullptr)](const Status&) {
            self->finish_saved(op);
        });
    });
}

// It stands still for something that the last daemon did not finish: that is given up, and the guest goes on.
void Run::undo_cut_off() {
    {
        const ObjectLock lock(guest_->mu);
        if (!is_cut_off(*guest_)) return;
    }
    log::info("run", "{}: what it was paused for was cut off when the daemon ended; it goes on", who());
    monitor_->execute("migrate_cancel", {}, [this](const Result<Json>&) {
        next_running_ = PV_DOMAIN_RUNNING_SAVE_CANCELED;
        monitor_->execute("cont", {}, [this](const Result<Json>& cont) {
            if (!cont) log::error("run", "{}: {}", who(), cont.error().message);
        });
    });
}

// The emulator did not do as told. If its monitor has gone, so will the process, and say more.
void Run::start_refused(const Error& why) {
    if (reattaching_) return reattach_later(why);
    if (monitor_ && !monitor_->connected()) return; // on_monitor_closed() follows
    start_failed(why);
}

// The guest ends; start_op_ is finished with the reason when it is off.
void Run::start_failed(const Error& why) {
    if (phase_ == Phase::ended) return;
    if (failure_) failure_ = why;
    if (end_ == End::none && !adopted_) end_ = End::failed;
    if (pid_ == 0 || exited_) return end();
    kill(false);
}

} // namespace polyvirt::qemu
