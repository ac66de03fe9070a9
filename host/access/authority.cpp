// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/authority.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <list>
#include <map>
#include <system_error>
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::access {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* kService = "org.freedesktop.PolicyKit1";
constexpr const char* kPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kInterface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t kAllowInteraction = 1;

struct CloseBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
struct UnrefMessage {
    void operator()(sd_bus_message* m) const { sd_bus_message_unref(m); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

Error unavailable(std::string_view why) {
    return make_error(ErrorCode::dbus_service, ErrorDomain::dbus, "polkit cannot be asked: {}", why);
}

std::string words(int negative_errno) { return std::generic_category().message(-negative_errno); }

// One question on its way. Belongs to the thread "polkit".
struct Open {
    Question question;
    Clock::time_point deadline;
    Authority::Done done;
    std::string cancellation;
    bool sent = false, over = false;
    sd_bus_slot* slot = nullptr;
    std::optional<Result<Answer>> result{};

    ~Open() { sd_bus_slot_unref(slot); }
};

int append(sd_bus_message* m, const Question& q, const std::string& cancellation) {
    int r = sd_bus_message_append(m, "(sa{sv})s", "unix-process", 3, "pid", "u", static_cast<std::uint32_t>(q.pid),
                                  "start-time", "t", q.start_time, "uid", "i", static_cast<std::int32_t>(q.uid),
                                  q.action.c_str());
    if (r >= 0) r = sd_bus_message_open_container(m, 'a', "{ss}");
    for (const auto& [key, value] : q.details)
        if (r >= 0) r = sd_bus_message_append(m, "{ss}", key.c_str(), value.c_str());
    if (r >= 0) r = sd_bus_message_close_container(m);
    if (r >= 0) r = sd_bus_message_append(m, "us", q.interactive ? kAllowInteraction : 0U, cancellation.c_str());
    return r;
}

// What CheckAuthorization answers: (is_authorized, is_challenge, details).
Result<Answer> read_answer(sd_bus_message* reply) {
    if (const sd_bus_error* error = sd_bus_message_get_error(reply))
        return unavailable(error->message != nullptr ? error->message : error->name);
    int authorized = 0, challenge = 0;
    int r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
    if (r >= 0) r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
    if (r >= 0) r = sd_bus_message_enter_container(reply, 'a', "{ss}");
    bool dismissed = false;
    const char *key = nullptr, *value = nullptr;
    while (r >= 0 && (r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
        dismissed = dismissed || std::string_view(key) == "polkit.dismissed";
    if (r < 0) return unavailable("its answer is not understood: " + words(r));
    if (authorized != 0) return Answer::yes;
    if (dismissed) return Answer::dismissed;
    return challenge != 0 ? Answer::no_agent : Answer::no;
}

int on_reply(sd_bus_message* reply, void* open, sd_bus_error*) {
    static_cast<Open*>(open)->result = read_answer(reply);
    return 0;
}

} // namespace

struct Authority::State {
    explicit State(Options o) : options(std::move(o)), wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    struct Kept {
        Answer answer;
        Clock::time_point until;
    };

    void run();
    void take_new();
    void connect();
    void send(Open& open);
    void work_off_bus();
    void lose_bus(const std::string& why);
    void expire();
    void finish();
    void wait();
    void keep(const Question& question, Answer answer);
    void nudge() const { (void)eventfd_write(wake.get(), 1); }

    const Options options;
    const UniqueFd wake;
    mutable Mutex mu{Rank::leaf};
    std::vector<std::unique_ptr<Open>> asked PV_GUARDED_BY(mu); // not seen by the thread yet
    std::size_t count PV_GUARDED_BY(mu) = 0;                    // all open ones
    std::map<Question, Kept> kept PV_GUARDED_BY(mu);
    bool stopping PV_GUARDED_BY(mu) = false;
    std::thread thread PV_GUARDED_BY(mu);

    // The thread's own.
    Bus bus;
    bool ready = false; // the bus has let us in
    std::list<std::unique_ptr<Open>> open;
    std::uint64_t serial = 0;
};

Authority::Authority(Options options) : state_(std::make_unique<State>(std::move(options))) {}

Authority::~Authority() { stop(); }

void Authority::stop() {
    std::thread thread;
    {
        const LeafLock lock(state_->mu);
        state_->stopping = true;
        thread = std::move(state_->thread);
    }
    state_->nudge();
    if (thread.joinable()) thread.join();
}

std::optional<Answer> Authority::known(const Question& question) const {
    const LeafLock lock(state_->mu);
    const auto found = state_->kept.find(question);
    if (found == state_->kept.end() || found->second.until < Clock::now()) return std::nullopt;
    return found->second.answer;
}

void Authority::ask(Question question, std::chrono::milliseconds deadline, Done done) {
    if (const auto answer = known(question)) return done(*answer);
    auto open = std::make_unique<Open>();
    open->question = std::move(question);
    open->deadline = Clock::now() + deadline;
    open->done = std::move(done);
    {
        const LeafLock lock(state_->mu);
        if (!state_->stopping && state_->count < state_->options.max_open) {
            ++state_->count;
            state_->asked.push_back(std::move(open));
            if (!state_->thread.joinable()) {
                sigset_t all, before;
                sigfillset(&all);
                pthread_sigmask(SIG_SETMASK, &all, &before);
                state_->thread = std::thread([state = state_.get()] { state->run(); });
                pthread_sigmask(SIG_SETMASK, &before, nullptr);
                pthread_setname_np(state_->thread.native_handle(), "polkit");
            }
        }
    }
    if (open != nullptr)
        return open->done(make_error(ErrorCode::resource_busy, ErrorDomain::polkit,
                                     "polkit has too many questions to answer already (at most {} at a time), or the "
                                     "daemon stops",
                                     state_->options.max_open));
    state_->nudge();
}

void Authority::State::run() {
    while (true) {
        {
            const LeafLock lock(mu);
            if (stopping) break;
        }
        take_new();
        if (!open.empty() && bus == nullptr) connect();
        if (bus != nullptr) work_off_bus();
        expire();
        finish();
        wait();
    }
    take_new();
    for (const auto& o : open) o->result = Result<Answer>(unavailable("the daemon stops"));
    finish();
    bus.reset();
}

void Authority::State::take_new() {
    std::vector<std::unique_ptr<Open>> fresh;
    {
        const LeafLock lock(mu);
        fresh.swap(asked);
    }
    for (auto& o : fresh) open.push_back(std::move(o));
}

void Authority::State::connect() {
    sd_bus* fresh = nullptr;
    int r = 0;
    ready = false;
    if (options.bus.empty()) {
        r = sd_bus_open_system(&fresh);
        bus.reset(fresh);
    } else {
        r = sd_bus_new(&fresh);
        if (r >= 0) {
            bus.reset(fresh);
            r = sd_bus_set_address(fresh, options.bus.c_str());
            if (r >= 0) r = sd_bus_set_bus_client(fresh, 1);
            if (r >= 0) r = sd_bus_start(fresh);
        }
    }
    if (r < 0) lose_bus("the message bus cannot be reached: " + words(r));
}

void Authority::State::work_off_bus() {
    int r = 0;
    while ((r = sd_bus_process(bus.get(), nullptr)) > 0) {
    }
    if (r < 0) return lose_bus("the connection to the message bus broke: " + words(r));
    if (sd_bus_is_ready(bus.get()) > 0) ready = true;
    if (!ready) return;
    for (const auto& o : open)
        if (!o->sent) send(*o);
    while ((r = sd_bus_process(bus.get(), nullptr)) > 0) {
    }
    if (r < 0) lose_bus("the connection to the message bus broke: " + words(r));
}

void Authority::State::send(Open& o) {
    o.sent = true;
    o.cancellation = fmt::format("polyvirt-{}", ++serial);
    sd_bus_message* raw = nullptr;
    int r = sd_bus_message_new_method_call(bus.get(), &raw, kService, kPath, kInterface, "CheckAuthorization");
    const Message message(raw);
    if (r >= 0) r = append(raw, o.question, o.cancellation);
    // The deadline is ours; the bus must not end the wait for a user before it.
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(o.deadline - Clock::now() + 10s);
    if (r >= 0)
        r = sd_bus_call_async(bus.get(), &o.slot, raw, &on_reply, &o,
                              static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1)));
    if (r < 0) o.result = Result<Answer>(unavailable(words(r)));
}

void Authority::State::lose_bus(const std::string& why) {
    for (const auto& o : open)
        if (!o->result) o->result = Result<Answer>(unavailable(why));
    for (const auto& o : open) o->slot = sd_bus_slot_unref(o->slot);
    bus.reset();
}

void Authority::State::expire() {
    const auto now = Clock::now();
    bool hangs = false;
    for (const auto& o : open) {
        if (o->result || o->deadline > now) continue;
        o->result = Result<Answer>(unavailable(o->sent ? "no answer within the deadline"
                                                       : "the message bus did not answer within the deadline"));
        hangs = hangs || !o->sent;
        if (o->sent && bus != nullptr) // a dialogue may stand open at the user's
            (void)sd_bus_call_method_async(bus.get(), nullptr, kService, kPath, kInterface, "CancelCheckAuthorization",
                                           nullptr, nullptr, "s", o->cancellation.c_str());
    }
    if (hangs) lose_bus("the message bus did not answer within the deadline");
}

void Authority::State::finish() {
    for (auto at = open.begin(); at != open.end();) {
        if (!(*at)->result) {
            ++at;
            continue;
        }
        const std::unique_ptr<Open> over = std::move(*at);
        at = open.erase(at);
        if (*over->result)
            keep(over->question, **over->result);
        else
            log::warning("access", "{}: {}", over->question.action, over->result->error().message);
        {
            const LeafLock lock(mu);
            --count;
        }
        over->done(*std::move(over->result));
    }
}

void Authority::State::keep(const Question& question, Answer answer) {
    // What the user may still decide otherwise is asked anew.
    if (options.keep.count() == 0 || (answer != Answer::yes && answer != Answer::no)) return;
    const auto now = Clock::now();
    const LeafLock lock(mu);
    if (kept.size() >= options.max_kept) std::erase_if(kept, [&](const auto& k) { return k.second.until < now; });
    if (kept.size() < options.max_kept) kept.insert_or_assign(question, Kept{answer, now + options.keep});
}

// For the bus, a new question, or the next deadline.
void Authority::State::wait() {
    pollfd fds[2] = {{wake.get(), POLLIN, 0}, {-1, 0, 0}};
    auto until = Clock::now() + 1h;
    for (const auto& o : open) until = std::min(until, o->deadline);
    if (bus != nullptr) {
        fds[1].fd = sd_bus_get_fd(bus.get());
        fds[1].events = static_cast<short>(std::max(sd_bus_get_events(bus.get()), 0));
        std::uint64_t bus_until = UINT64_MAX; // of the monotonic clock, as steady_clock is
        if (sd_bus_get_timeout(bus.get(), &bus_until) > 0 && bus_until != UINT64_MAX)
            until = std::min(until, Clock::time_point(std::chrono::microseconds(bus_until)));
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    (void)::poll(fds, 2, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)));
    eventfd_t drained = 0;
    (void)eventfd_read(wake.get(), &drained);
}

std::string refusal_of(Answer answer, const std::string& action) {
    switch (answer) {
    case Answer::yes: return "";
    case Answer::no_agent: return fmt::format("no polkit agent available to authenticate action '{}'", action);
    case Answer::dismissed: return "user cancelled authentication process";
    case Answer::no: break;
    }
    return fmt::format("polkit denies action '{}'", action);
}

} // namespace polyvirt::access
