// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/container.h"

#include <csignal>
#include <utility>

#include <fcntl.h>

#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "container/link.h"
#include "driver.h"

namespace polyvirt::lxc {
namespace {

constexpr std::int64_t kStartPatience = 60 * Container::kSecond;
constexpr std::int64_t kStopPatience = 5 * Container::kSecond; // until what is asked to end is made to

} // namespace

Container::Container(Driver& driver, GuestPtr guest, std::int32_t id)
    : driver_(driver), s_(driver.services()), guest_(std::move(guest)), id_(id) {}

Container::~Container() = default;

std::string Container::who() const { return "domain '" + guest_->name + "'"; }

void Container::post(std::function<void()> fn) {
    if (!driver_.loop().post(std::move(fn))) log::warning("lxc", "{}: the driver's loop has ended", who());
}

void Container::describe(StatusRecord& r) const {
    r.pid = pid_;
    r.start_time = start_time_;
    r.init = init_;
    r.folder = folder_;
    r.group = group_.to_text();
}

void Container::adopt(const sdk::OperationPtr& op, const StatusRecord& record) {
    adopted_ = true;
    folder_ = record.folder;
    const char* const run = s_.paths->dir(s_.host, PV_PATH_RUN);
    if (run != nullptr) folder_path_ = fmt::format("{}/{}", run, folder_);
    if (const char* const logs = s_.paths->dir(s_.host, PV_PATH_LOG); logs != nullptr)
        log_ = UniqueFd(::open(fmt::format("{}/{}.log", logs, guest_->name).c_str(),
                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    group_ = sdk::cgroup::Group::from_text(record.group, ErrorDomain::lxc);
    init_ = record.init;
    auto process = std::make_shared<plugin::ChildProcess>();
    if (record.pid != 0)
        *process =
            plugin::ChildProcess::adopt(s_, record.pid, record.start_time, driver_.loop(),
                                        [self = shared_from_this()](std::int32_t status) { self->on_exit(status); });
    pid_ = record.pid;
    start_time_ = record.start_time;
    post([self = shared_from_this(), process, op] {
        self->start_op_ = op;
        self->process_ = std::move(*process);
        // A start that was cut off, or an end that nobody saw: nothing of it is kept.
        if (!self->process_)
            return self->failed(
                make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "{} has ended meanwhile", self->who()));
        self->open_link();
    });
}

void Container::open_link() {
    auto socket = SupervisorLink::connect(folder_path_);
    if (!socket) return failed(socket.error());
    const std::weak_ptr<Container> weak = weak_from_this();
    link_ = SupervisorLink::make(driver_.loop(), *std::move(socket), [weak](const Json& message) {
        if (const auto self = weak.lock()) self->heard(message);
    });
    // Its start is liblxc's; one that was found again answers at once, or is stuck in a call of liblxc, and goes on.
    patience_ = driver_.loop().timer(kStartPatience, 0, [weak] {
        const auto self = weak.lock();
        if (!self || self->phase_ != Phase::starting) return;
        if (!self->adopted_)
            return self->failed(
                make_error(ErrorCode::operation_timeout, ErrorDomain::lxc, "{} did not start in time", self->who()));
        log::error("lxc", "{}: its supervisor does not answer; it is left as it is", self->who());
        self->phase_ = Phase::running;
        if (self->start_op_) std::exchange(self->start_op_, nullptr)->finish({});
    });
}

void Container::heard(const Json& message) {
    if (phase_ == Phase::ended) return;
    const std::int64_t init = message.value("init", std::int64_t{0});
    if (message.value("event", "") == "rebooted") return rebooted(init);
    const std::string state = message.value("state", "");
    if (state == "running" && phase_ == Phase::starting) return started(message);
    if (state == "failed")
        failed(make_error(ErrorCode::internal_error, ErrorDomain::lxc, "guest failed to start: {}",
                          message.value("error", "unknown")));
}

void Container::started(const Json& message) {
    phase_ = Phase::running;
    patience_.reset();
    init_ = message.value("init", std::int64_t{0});
    const auto ttys = message.value("ttys", std::vector<std::string>());
    {
        const ObjectLock lock(guest_->mu);
        // One that was found again is as its record says, unless its start went on while no daemon looked.
        const bool fresh = guest_->state == PV_DOMAIN_PAUSED && guest_->reason == PV_DOMAIN_PAUSED_STARTING_UP;
        if (guest_->live && fresh) {
            auto live = std::make_shared<Domain>(*guest_->live);
            for (std::size_t i = 0; i < std::min(ttys.size(), live->devices.consoles.size()); ++i) {
                auto& console = live->devices.consoles[i];
                console.tty = ttys[i];
                if (console.sources.empty()) console.sources.emplace_back();
                console.sources.front().path = ttys[i];
            }
            guest_->live = std::move(live);
            driver_.set_state(*guest_, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_BOOTED);
            driver_.notices().lifecycle(*guest_, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_BOOTED);
        }
    }
    // On disk before anybody hears that it has started.
    const auto save = [self = shared_from_this(), op = std::exchange(start_op_, nullptr), adopted = adopted_] {
        self->loops_.clear();
        if (adopted) self->drop_unplugged();
        const Status saved = self->driver_.save_status(self->guest_, nullptr);
        if (op) op->finish(saved);
    };
    if (!plugin::submit(s_, guest_->strand, save)) save();
}

void Container::rebooted(std::int64_t init) {
    init_ = init;
    {
        const ObjectLock lock(guest_->mu);
        driver_.notices().post(*guest_, PV_EVENT_DOMAIN_REBOOT, pv_event_domain_reboot{});
    }
    const auto save = [self = shared_from_this()] {
        if (const Status shown = self->show_as_started(); !shown) log::error("lxc", "{}", shown.error().message);
        if (const Status saved = self->driver_.save_status(self->guest_, nullptr); !saved)
            log::error("lxc", "{}", saved.error().message);
    };
    if (!plugin::submit(s_, guest_->strand, save)) save();
}

sdk::Async<Status> Container::ask(Json request, std::int64_t timeout_ns) {
    return sdk::Async<Status>(
        [self = shared_from_this(), request = std::move(request), timeout_ns](const sdk::Answer<Status>& answer) {
            self->post([self, request, timeout_ns, answer] {
                if (self->phase_ != Phase::running || !self->link_) return answer(invalid("domain is not running"));
                self->link_->ask(request, timeout_ns, answer);
            });
        });
}

void Container::destroy(Waiter done) {
    const bool posted = driver_.loop().post([self = shared_from_this(), done] {
        if (self->phase_ == Phase::ended) return done({});
        self->waiters_.push_back(done);
        if (std::exchange(self->destroyed_, true)) return;
        if (!self->process_) return; // not yet started: launch() sees it
        if (self->link_) self->link_->ask({{"do", "stop"}}, kStopPatience, [](const Status&) {});
        const std::weak_ptr<Container> weak = self;
        self->patience_ = self->driver_.loop().timer(kStopPatience, 0, [weak] {
            if (const auto again = weak.lock()) again->kill_harder();
        });
        if (!self->link_) self->kill_harder();
    });
    if (!posted) done(make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "the driver's loop has ended"));
}

// Without liblxc's help: all that is in its groups, frozen or not. Its supervisor is in them, too.
void Container::kill_harder() {
    if (exited_ || phase_ == Phase::ended) return;
    process_.signal(SIGKILL);
    if (init_ > 0) (void)::kill(static_cast<pid_t>(init_), SIGKILL); // on a host without control groups, too
    const auto kill = [self = shared_from_this()] { self->group_.remove(); };
    // Before what clears up, not beside it.
    if (!plugin::submit(s_, guest_->strand, kill)) kill();
}

void Container::failed(const Error& why) {
    if (failure_) failure_ = why;
    if (process_ && !exited_) return kill_harder(); // and end() when it has gone
    end();
}

void Container::detach() {
    post([self = shared_from_this()] {
        self->detached_ = true;
        self->phase_ = Phase::ended;
        if (self->link_)
            self->link_->close(make_error(ErrorCode::operation_aborted, ErrorDomain::lxc, "the daemon is ending"));
        self->link_ = nullptr;
        self->patience_.reset();
        self->process_.reset();
        self->start_op_ = nullptr;
    });
}

void Container::on_exit(std::int32_t status) {
    exited_ = true;
    exit_status_ = status;
    if (phase_ == Phase::ended) return;
    if (phase_ == Phase::starting && !start_op_) return; // launch() is on its way
    end();
}

// Under the guest's lock: everybody sees it off from here on. True: the guest goes with it.
bool Container::show_end() {
    const bool was_started = phase_ == Phase::running || adopted_;
    const ObjectLock lock(guest_->mu);
    std::int32_t reason = PV_DOMAIN_SHUTOFF_SHUTDOWN, detail = PV_DOMAIN_EVENT_STOPPED_SHUTDOWN;
    // Of one that was found again nobody knows how it ended (-1).
    if (exit_status_ > 0 || !failure_) reason = PV_DOMAIN_SHUTOFF_FAILED, detail = PV_DOMAIN_EVENT_STOPPED_FAILED;
    if (destroyed_) reason = PV_DOMAIN_SHUTOFF_DESTROYED, detail = PV_DOMAIN_EVENT_STOPPED_DESTROYED;
    if (guest_->live) plugged_ = guest_->live->devices.interfaces;
    guest_->live = nullptr;
    guest_->container = nullptr;
    guest_->id = -1;
    guest_->updated = false;
    if (guest_->autodestroy != 0) s_.client->forget(s_.host, guest_->autodestroy, kAutodestroy, guest_->handle);
    guest_->autodestroy = 0;
    driver_.set_state(*guest_, PV_DOMAIN_SHUTOFF, reason);
    if (was_started) driver_.notices().lifecycle(*guest_, PV_DOMAIN_EVENT_STOPPED, detail);
    return guest_->config == nullptr;
}

void Container::end() {
    if (phase_ == Phase::ended) return;
    const auto self = shared_from_this();
    if (phase_ == Phase::starting && failure_ && !adopted_)
        failure_ = destroyed_ ? make_error(ErrorCode::operation_failed, ErrorDomain::lxc,
                                           "{} was destroyed while it was started", who())
                              : make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                                           "guest failed to start: its supervisor has ended");
    const Status start_result = adopted_ ? Status() : failure_;
    patience_.reset();
    const bool transient = show_end();
    phase_ = Phase::ended;
    init_ = 0;
    if (link_) link_->close(invalid("domain is not running"));
    process_.reset();
    if (transient) driver_.guests().remove(*guest_);
    // Cleared away first: until its record is gone, the next daemon would do it.
    auto finish = [self, op = std::exchange(start_op_, nullptr), start_result, waiters = std::exchange(waiters_, {})] {
        self->clear();
        const Status saved = self->driver_.save_status(self->guest_, nullptr);
        if (op) op->finish(start_result);
        for (const Waiter& done : waiters) done(saved);
    };
    if (!plugin::submit(s_, guest_->strand, finish)) finish();
}

} // namespace polyvirt::lxc
