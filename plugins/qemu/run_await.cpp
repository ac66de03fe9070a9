// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What coroutines wait for: replies and events of the emulator, its loop, time.

#include "run.h"

#include <algorithm>
#include <utility>

#include "base/error_text.h"

namespace polyvirt::qemu {

// On the loop alone.
class Run::Expected {
  public:
    Expected(std::string event, std::function<bool(const Json&)> match) : event_(std::move(event)), match_(std::move(match)) {}

    [[nodiscard]] bool waited_for() const { return answer_.has_value(); }
    [[nodiscard]] bool takes(const QmpEvent& event) const { return !outcome_ && event.name == event_ && match_(event.data); }
    void give(Result<Json> outcome) {
        timer_.reset();
        if (answer_) return std::exchange(answer_, std::nullopt)->operator()(std::move(outcome));
        outcome_ = std::move(outcome);
    }
    // One waits at a time.
    void wait(const plugin::Loop& loop, const std::shared_ptr<Expected>& self, std::int64_t timeout_ns, sdk::Answer<Result<Json>> answer) {
        if (outcome_) return answer(*std::exchange(outcome_, std::nullopt));
        answer_ = std::move(answer);
        timer_ = loop.timer(timeout_ns, 0, [weak = std::weak_ptr(self)] {
            if (const auto expected = weak.lock())
                expected->give(make_error(ErrorCode::operation_timeout, ErrorDomain::qemu, "no event {} of the emulator in time",
                                          expected->event_));
        });
    }

  private:
    const std::string event_;
    const std::function<bool(const Json&)> match_;
    std::optional<Result<Json>> outcome_;
    std::optional<sdk::Answer<Result<Json>>> answer_;
    plugin::Watch timer_;
};

void Run::tell_expected(const QmpEvent& event) {
    // Whoever goes on may expect something new.
    std::vector<ExpectedPtr> met;
    std::erase_if(expected_, [&](const ExpectedPtr& e) {
        if (e.use_count() == 1 && !e->waited_for()) return true; // given up
        if (!e->takes(event)) return false;
        met.push_back(e);
        return true;
    });
    for (const ExpectedPtr& e : met) e->give(event.data);
}

// No timer outlives the loop.
struct Run::Delay {
    plugin::Watch watch;
    sdk::Answer<Status> answer;
};

void Run::drop_expected(const Error& why) {
    const auto delays = std::exchange(delays_, {});
    for (const auto& delay : delays) delay->watch.reset();
    for (const auto& delay : delays) delay->answer(why);
    for (const ExpectedPtr& e : std::exchange(expected_, {})) e->give(why);
    removals_.drop(why);
}

namespace {
// `fn` on the loop: at once where that is this thread.
template <typename Fn> void on(const plugin::Loop& loop, Fn fn) {
    if (loop && loop.on_loop()) return fn();
    loop.post(std::move(fn));
}

// The guest went while it was asked: that is what who asked is told, not how its monitor broke (which the log has).
Monitor::Reply unless_gone(const std::weak_ptr<Monitor>& monitor, const sdk::Answer<Result<Json>>& answer) {
    return [monitor, answer](Result<Json> reply) {
        const auto still = monitor.lock();
        if (reply || (still && still->connected())) return answer(std::move(reply));
        answer(make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "domain is no longer running"));
    };
}
} // namespace

sdk::Async<Result<Json>> Run::qmp(std::string command, Json arguments, std::int64_t timeout_ns) {
    return sdk::Async<Result<Json>>([self = shared_from_this(), command = std::move(command), arguments = std::move(arguments),
                                     timeout_ns](const sdk::Answer<Result<Json>>& answer) {
        on(self->loop_, [self, command, arguments, timeout_ns, answer] {
            if (const Status running = self->check_running(); !running) return answer(running.error());
            self->monitor_->execute(command, arguments, unless_gone(self->monitor_, answer), timeout_ns);
        });
    });
}

// What waits for its answer is copied about, which descriptors cannot be: they are shared.
sdk::Async<Result<Json>> Run::qmp(std::string command, Json arguments, std::vector<UniqueFd> fds) {
    return sdk::Async<Result<Json>>([self = shared_from_this(), command = std::move(command), arguments = std::move(arguments),
                                     fds = std::make_shared<std::vector<UniqueFd>>(std::move(fds))](const sdk::Answer<Result<Json>>& answer) {
        on(self->loop_, [self, command, arguments, fds, answer] {
            if (const Status running = self->check_running(); !running) return answer(running.error());
            self->monitor_->execute(command, arguments, std::move(*fds), unless_gone(self->monitor_, answer));
        });
    });
}

sdk::Async<Result<Json>> Run::qmp_whole(Json document, std::vector<UniqueFd> fds) {
    return sdk::Async<Result<Json>>([self = shared_from_this(), document = std::move(document),
                                     fds = std::make_shared<std::vector<UniqueFd>>(std::move(fds))](const sdk::Answer<Result<Json>>& answer) {
        on(self->loop_, [self, document, fds, answer] {
            if (const Status running = self->check_running(); !running) return answer(running.error());
            self->monitor_->execute_whole(document, std::move(*fds), unless_gone(self->monitor_, answer));
        });
    });
}

sdk::Async<Result<Run::ExpectedPtr>> Run::expect(std::string event, std::function<bool(const Json& data)> match) {
    return sdk::Async<Result<ExpectedPtr>>([self = shared_from_this(), event = std::move(event),
                                            match = std::move(match)](const sdk::Answer<Result<ExpectedPtr>>& answer) {
        on(self->loop_, [self, event, match, answer] {
            if (const Status running = self->check_running(); !running) return answer(running.error());
            answer(self->expected_.emplace_back(std::make_shared<Expected>(event, match)));
        });
    });
}

sdk::Async<Result<Json>> Run::wait(ExpectedPtr expected, std::int64_t timeout_ns) {
    return sdk::Async<Result<Json>>([self = shared_from_this(), expected = std::move(expected),
                                     timeout_ns](const sdk::Answer<Result<Json>>& answer) {
        on(self->loop_, [self, expected, timeout_ns, answer] { expected->wait(self->loop_, expected, timeout_ns, answer); });
    });
}

sdk::Async<Result<Removal>> Run::removed(std::string alias, std::int64_t timeout_ns) {
    return sdk::Async<Result<Removal>>([self = shared_from_this(), alias = std::move(alias), timeout_ns](const Removals::Answer& answer) {
        on(self->loop_, [self, alias, timeout_ns, answer] { self->removals_.wait(self->loop_, alias, timeout_ns, answer); });
    });
}

sdk::Async<Status> Run::on_loop() {
    return sdk::Async<Status>([self = shared_from_this()](const sdk::Answer<Status>& answer) {
        on(self->loop_, [answer] { answer({}); });
    });
}

sdk::Task<Status> Run::pause(std::int32_t reason) {
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->state != PV_DOMAIN_RUNNING) co_return Status{};
        guest_->pausing = reason;
    }
    // On disk before the emulator is told, so that the next daemon knows why it finds the guest paused.
    Status paused = co_await driver_.saved(guest_);
    PV_CO_TRY(co_await on_loop());
    if (paused) {
        next_paused_ = reason;
        const auto stopped = co_await qmp("stop");
        if (!stopped) paused = stopped.error();
    }
    const ObjectLock lock(guest_->mu);
    guest_->pausing = 0;
    co_return paused;
}

sdk::Task<Status> Run::go_on(std::int32_t reason) {
    PV_CO_TRY(co_await on_loop());
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->state == PV_DOMAIN_RUNNING) co_return Status{};
    }
    next_running_ = reason;
    const auto going = co_await qmp("cont");
    co_return going ? Status{} : Status(going.error());
}

sdk::Async<Status> Run::ended(Ending ending) {
    return sdk::Async<Status>([self = shared_from_this(), ending](const sdk::Answer<Status>& answer) { self->post_end(ending, answer); });
}

sdk::Async<Status> Run::delay(std::int64_t ns) {
    return sdk::Async<Status>([self = shared_from_this(), ns](const sdk::Answer<Status>& answer) {
        on(self->loop_, [self, ns, answer] {
            if (!self->loop_ || self->phase_ == Phase::ended)
                return answer(make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running"));
            const auto delay = self->delays_.emplace_back(std::make_shared<Delay>(Delay{.watch = {}, .answer = answer}));
            const std::weak_ptr<Run> weak = self;
            delay->watch = self->loop_.timer(ns, 0, [weak, raw = delay.get()] {
                if (const auto run = weak.lock()) run->end_delay(raw);
            });
            if (!delay->watch) self->end_delay(delay.get());
        });
    });
}

void Run::end_delay(const Delay* which) {
    const auto it = std::find_if(delays_.begin(), delays_.end(), [which](const auto& d) { return d.get() == which; });
    if (it == delays_.end()) return;
    const std::shared_ptr<Delay> delay = *it; // its watch is this callback's
    delays_.erase(it);
    delay->watch.reset();
    delay->answer({});
}

} // namespace polyvirt::qemu
