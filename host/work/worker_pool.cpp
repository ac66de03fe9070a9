// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/work/worker_pool.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/sync.h"
#include "host/work/parker.h"

namespace polyvirt::work {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTellAgain = std::chrono::seconds(10);
// A worker that is so long at one job while others wait is taken to be stuck in it.
constexpr auto kLate = std::chrono::milliseconds(10);

enum Kind : unsigned { kOrdinary = 0, kPrio = 1 };

// One ordinary worker always stays: should no thread be had later, calls are slow, not lost.
PoolLimits consistent(PoolLimits l) {
    l.max_workers = std::max(l.max_workers, 1U);
    l.min_workers = std::clamp(l.min_workers, 1U, l.max_workers);
    l.hard_cap = std::max(l.hard_cap, l.max_workers);
    return l;
}

} // namespace

struct WorkerPool::State {
    explicit State(const PoolLimits& l) : limits(consistent(l)) {}

    // Belongs to its slot and lives as long as the pool, so that a wake-up sent after the lock was
    // dropped never meets freed memory; its threads come and go.
    struct Worker {
        State* pool = nullptr;
        Kind kind = kOrdinary;
        unsigned slot = 0;
        // Guarded by the pool's mu.
        bool used = false;
        bool woken = false;         // taken off the idle ones to find a job
        bool parked = false;        // counts as parked, because it said so or was found to be late
        std::uint64_t job = 0;      // number of the job that it is at, 0 = none
        std::uint64_t job_seen = 0; // the same, when the watcher last looked
        // Own thread only.
        unsigned park_depth = 0;
        Parker rest;
    };
    struct Queued {
        Job job;
        std::uint64_t number = 0;
    };
    // The workers of one kind. `coming` were woken or started and have not looked for a job yet: a
    // job that one of them will find wakes nobody else.
    struct Crew {
        unsigned workers = 0, coming = 0;
        std::vector<Worker*> idle; // the last is woken first: its stack is warm, the others may end
        std::vector<std::unique_ptr<Worker>> slots;
        std::deque<Queued> queue;
    };
    // What was decided under the lock and is done after it.
    struct Todo {
        Worker* wake = nullptr;
        Worker* start = nullptr;
        bool tell_cap = false;
        bool watch = false;
        pthread_t join = 0;
    };

    mutable Mutex mu{Rank::leaf};
    PoolLimits limits PV_GUARDED_BY(mu);
    Crew crews[2] PV_GUARDED_BY(mu);
    unsigned parked PV_GUARDED_BY(mu) = 0;
    unsigned running PV_GUARDED_BY(mu) = 0;
    std::uint64_t next_number PV_GUARDED_BY(mu) = 1;
    bool stopping PV_GUARDED_BY(mu) = false; // no new jobs
    bool ending PV_GUARDED_BY(mu) = false;   // workers end when they find no job
    Clock::time_point cap_told PV_GUARDED_BY(mu) = {};
    bool failure_told PV_GUARDED_BY(mu) = false;
    // The thread that ended last; joined by the next that ends, at last by the destructor.
    pthread_t ended PV_GUARDED_BY(mu) = 0;
    CondVar settled; // a job or a worker ended while somebody waits for that
    // The watcher sleeps on this unless jobs wait for workers that are all busy.
    CondVar starving;
    bool watcher_sleeps PV_GUARDED_BY(mu) = false;
    pthread_t watcher = 0;

    static thread_local Worker* current;

    Todo plan() PV_REQUIRES(mu);
    Todo plan_ordinary() PV_REQUIRES(mu);
    static Worker* wake_one(Crew& crew);
    Worker* reserve(Kind kind) PV_REQUIRES(mu);
    bool take(Worker& me, Job& job) PV_REQUIRES(mu);
    bool surplus(Kind kind) const PV_REQUIRES(mu);
    void nudge_idle() PV_REQUIRES(mu);
    [[nodiscard]] bool is_starving() const PV_REQUIRES(mu);
    void find_late() PV_REQUIRES(mu);
    void unpark(Worker& me) PV_REQUIRES(mu);
    Todo leave(Worker& me) PV_REQUIRES(mu);

    enum class Next { job, rest, end };
    Next next(Worker& me, bool timed_out, Job& job, Todo& todo, Clock::time_point& until);
    void job_ended(Worker& me);
    int start(Worker* worker);
    void carry_out(const Todo& todo);
    void fill();
    void work(Worker& me);
    void watch();
    void park(Worker& me, bool begin);
    void end();
    static void run(Job& job);
    static void* thread_main(void* arg);
    static void* watcher_main(void* arg);
    static int spawn(pthread_t& thread, void* (*main)(void*), void* arg);
};

thread_local WorkerPool::State::Worker* WorkerPool::State::current = nullptr;

// Who is missing? Asked after every change of queues, crews or limits. One step is enough: whoever
// is woken or started asks again when he takes his job.
WorkerPool::State::Todo WorkerPool::State::plan() {
    Crew& prio = crews[kPrio];
    if (prio.queue.size() > prio.coming && !prio.idle.empty()) return {.wake = wake_one(prio)};
    return plan_ordinary();
}

WorkerPool::State::Todo WorkerPool::State::plan_ordinary() {
    Crew& crew = crews[kOrdinary];
    const Crew& prio = crews[kPrio];
    const std::size_t left =
        prio.queue.size() - std::min<std::size_t>(prio.queue.size(), prio.coming);
    if (crew.queue.size() + left <= crew.coming) return {};
    if (!crew.idle.empty()) return {.wake = wake_one(crew)};
    if (crew.workers - parked >= limits.max_workers) return {.watch = watcher_sleeps};
    if (crew.workers >= limits.hard_cap) {
        const auto now = Clock::now();
        if (now - cap_told < kTellAgain) return {};
        cap_told = now;
        return {.tell_cap = true};
    }
    return {.start = reserve(kOrdinary)};
}

WorkerPool::State::Worker* WorkerPool::State::wake_one(Crew& crew) {
    Worker* worker = crew.idle.back();
    crew.idle.pop_back();
    worker->woken = true;
    ++crew.coming;
    return worker;
}

// A place among the workers; the lowest free number makes its name.
WorkerPool::State::Worker* WorkerPool::State::reserve(Kind kind) {
    Crew& crew = crews[kind];
    auto free =
        std::find_if(crew.slots.begin(), crew.slots.end(), [](auto& w) { return !w->used; });
    if (free == crew.slots.end()) {
        auto worker = std::make_unique<Worker>();
        worker->pool = this;
        worker->kind = kind;
        worker->slot = static_cast<unsigned>(crew.slots.size());
        free = crew.slots.insert(free, std::move(worker));
    }
    (*free)->used = (*free)->woken = true;
    ++crew.workers;
    ++crew.coming;
    return free->get();
}

bool WorkerPool::State::take(Worker& me, Job& job) {
    auto& prio = crews[kPrio].queue;
    auto& ordinary = crews[kOrdinary].queue;
    std::deque<Queued>* from = prio.empty() ? nullptr : &prio;
    if (me.kind == kOrdinary && !ordinary.empty() &&
        (from == nullptr || ordinary.front().number < prio.front().number))
        from = &ordinary;
    if (from == nullptr) return false;
    job = std::move(from->front().job);
    me.job = from->front().number;
    from->pop_front();
    return true;
}

bool WorkerPool::State::surplus(Kind kind) const {
    return kind == kPrio ? crews[kPrio].workers > limits.prio_workers
                         : crews[kOrdinary].workers - parked > limits.max_workers;
}

// Idle workers look at limits and `ending` again.
void WorkerPool::State::nudge_idle() {
    for (Crew& crew : crews)
        for (Worker* worker : crew.idle) worker->rest.unpark();
}

// Jobs wait, and of the ordinary workers that may be there all are, and busy.
bool WorkerPool::State::is_starving() const {
    const Crew& crew = crews[kOrdinary];
    return crew.queue.size() + crews[kPrio].queue.size() > crew.coming + crews[kPrio].coming && crew.idle.empty() &&
           crew.workers - parked >= limits.max_workers && crew.workers < limits.hard_cap;
}

void WorkerPool::State::find_late() {
    for (const auto& worker : crews[kOrdinary].slots) {
        if (worker->job != 0 && worker->job == worker->job_seen && !worker->parked) {
            worker->parked = true;
            ++parked;
        }
        worker->job_seen = worker->job;
    }
}

void WorkerPool::State::unpark(Worker& me) {
    if (std::exchange(me.parked, false)) --parked;
}

void WorkerPool::State::job_ended(Worker& me) {
    LeafLock lock(mu);
    --running;
    me.job = 0;
    unpark(me);
    if (stopping) settled.notify_all();
}

// Counted out under the same hold that decided it, or two would leave for one too many.
WorkerPool::State::Todo WorkerPool::State::leave(Worker& me) {
    --crews[me.kind].workers;
    me.used = false;
    settled.notify_all();
    Todo todo;
    if (!ending) todo = plan();
    todo.join = std::exchange(ended, pthread_self());
    return todo;
}

// After a start, a job or a rest: the next job, or a rest until it is woken or `until`, or the end.
WorkerPool::State::Next WorkerPool::State::next(Worker& me, bool timed_out, Job& job, Todo& todo,
                                                Clock::time_point& until) {
    LeafLock lock(mu);
    Crew& crew = crews[me.kind];
    if (std::exchange(me.woken, false)) {
        --crew.coming;
        failure_told = false;
    } else {
        std::erase(crew.idle, &me);
    }
    if (!surplus(me.kind) && take(me, job)) {
        ++running;
        todo = plan();
        return Next::job;
    }
    const bool may_end = me.kind == kOrdinary && crew.workers > limits.min_workers;
    if (ending || surplus(me.kind) || (may_end && timed_out)) {
        todo = leave(me);
        return Next::end;
    }
    until = may_end ? Clock::now() + limits.idle_for : Clock::time_point::max();
    crew.idle.push_back(&me);
    return Next::rest;
}

void WorkerPool::State::run(Job& job) {
    try {
        job();
    } catch (const std::exception& e) {
        log::error("work", "a call threw: {}", e.what());
        (void)PV_BUG(true && "a job threw");
    } catch (...) {
        (void)PV_BUG(true && "a job threw something unknown");
    }
    job = nullptr;
    lock_rank::assert_none_held("returning to the worker pool");
}

void WorkerPool::State::work(Worker& me) {
    bool timed_out = false;
    while (true) {
        Job job;
        Todo todo;
        Clock::time_point until;
        const Next what = next(me, timed_out, job, todo, until);
        carry_out(todo);
        if (what == Next::end) return;
        if (what == Next::job) {
            run(job);
            job_ended(me);
        } else {
            me.rest.park(until);
        }
        timed_out = what == Next::rest && until != Clock::time_point::max() && Clock::now() >= until;
    }
}

// Looks every `kLate` while jobs wait for busy workers, and sleeps otherwise.
void WorkerPool::State::watch() {
    while (true) {
        Todo todo;
        {
            LeafLock lock(mu);
            while (!ending && !is_starving()) {
                watcher_sleeps = true;
                starving.wait(lock);
            }
            watcher_sleeps = false;
            if (ending) return;
            (void)starving.wait_until(lock, Clock::now() + kLate);
            find_late();
            todo = plan();
            todo.watch = false;
        }
        carry_out(todo);
    }
}

void* WorkerPool::State::watcher_main(void* arg) {
    pthread_setname_np(pthread_self(), "pool-watch");
    static_cast<State*>(arg)->watch();
    return nullptr;
}

void* WorkerPool::State::thread_main(void* arg) {
    auto* me = static_cast<Worker*>(arg);
    const std::string name = (me->kind == kPrio ? "prio-" : "worker-") + std::to_string(me->slot);
    pthread_setname_np(pthread_self(), name.c_str());
    if (me->kind == kOrdinary) current = me;
    me->pool->work(*me);
    return nullptr;
}

// Signals are the leader's: the thread is born with all of them blocked.
int WorkerPool::State::spawn(pthread_t& thread, void* (*main)(void*), void* arg) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&thread, nullptr, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
}

int WorkerPool::State::start(Worker* worker) {
    pthread_t thread = 0;
    const int error = spawn(thread, thread_main, worker);
    if (error == 0) return 0;
    LeafLock lock(mu);
    Crew& crew = crews[worker->kind];
    --crew.coming;
    --crew.workers;
    worker->woken = worker->used = false;
    settled.notify_all();
    return error;
}

void WorkerPool::State::carry_out(const Todo& todo) {
    if (todo.wake != nullptr) todo.wake->rest.unpark();
    if (todo.watch) starving.notify_one();
    if (todo.tell_cap)
        log::warning("work",
                     "all workers wait in drivers and their number is at its hard cap: calls "
                     "wait until one of them returns");
    if (todo.join != 0) pthread_join(todo.join, nullptr);
    if (todo.start == nullptr) return;
    const int error = start(todo.start);
    if (error == 0) return;
    bool tell = false;
    {
        LeafLock lock(mu);
        tell = !std::exchange(failure_told, true);
    }
    if (tell)
        log::error("work", "cannot start another worker: {}",
                   std::generic_category().message(error));
}

// Starts what the limits promise even without work.
void WorkerPool::State::fill() {
    while (true) {
        Worker* worker = nullptr;
        {
            LeafLock lock(mu);
            if (crews[kOrdinary].workers < limits.min_workers)
                worker = reserve(kOrdinary);
            else if (crews[kPrio].workers < limits.prio_workers)
                worker = reserve(kPrio);
        }
        if (worker == nullptr) return;
        if (const int error = start(worker); error != 0)
            throw std::system_error(error, std::generic_category(), "worker pool: no thread");
    }
}

void WorkerPool::State::park(Worker& me, bool begin) {
    Todo todo;
    {
        LeafLock lock(mu);
        if (!begin) {
            unpark(me);
        } else if (!std::exchange(me.parked, true)) {
            ++parked;
            todo = plan();
        }
    }
    carry_out(todo);
}

void WorkerPool::State::end() {
    pthread_t last = 0;
    {
        LeafLock lock(mu);
        stopping = ending = true;
        nudge_idle();
        starving.notify_one();
        while (crews[kOrdinary].workers + crews[kPrio].workers != 0) settled.wait(lock);
        last = std::exchange(ended, 0);
    }
    if (last != 0) pthread_join(last, nullptr);
    if (watcher != 0) pthread_join(watcher, nullptr);
}

WorkerPool::WorkerPool(PoolLimits limits) : state_(std::make_unique<State>(limits)) {
    try {
        state_->fill();
        if (const int error = State::spawn(state_->watcher, State::watcher_main, state_.get()); error != 0) {
            state_->watcher = 0;
            throw std::system_error(error, std::generic_category(), "worker pool: no thread");
        }
    } catch (...) {
        state_->end();
        throw;
    }
}

WorkerPool::~WorkerPool() { state_->end(); }

bool WorkerPool::submit(Job job, bool priority) {
    State& s = *state_;
    State::Todo todo;
    {
        LeafLock lock(s.mu);
        const std::size_t queued = s.crews[kOrdinary].queue.size() + s.crews[kPrio].queue.size();
        if (s.stopping || queued >= s.limits.max_queued) return false;
        s.crews[priority ? kPrio : kOrdinary].queue.push_back({std::move(job), s.next_number++});
        todo = s.plan();
    }
    s.carry_out(todo);
    return true;
}

void WorkerPool::set_limits(const PoolLimits& limits) {
    State& s = *state_;
    State::Todo todo;
    {
        LeafLock lock(s.mu);
        if (s.ending) return;
        s.limits = consistent(limits);
        s.nudge_idle();
        todo = s.plan();
    }
    s.carry_out(todo);
    try {
        s.fill();
    } catch (const std::system_error& e) {
        log::error("work", "the new limits hold, but {}", e.what());
    }
}

PoolStats WorkerPool::stats() const {
    const State& s = *state_;
    LeafLock lock(s.mu);
    const auto& ordinary = s.crews[kOrdinary];
    const auto& prio = s.crews[kPrio];
    return {.workers = ordinary.workers,
            .free_workers = static_cast<unsigned>(ordinary.idle.size()),
            .prio_workers = prio.workers,
            .parked = s.parked,
            .queued = ordinary.queue.size() + prio.queue.size(),
            .limits = s.limits};
}

bool WorkerPool::drain(unsigned deadline_ms) {
    const auto until = Clock::now() + std::chrono::milliseconds(deadline_ms);
    State& s = *state_;
    LeafLock lock(s.mu);
    s.stopping = true;
    while (s.running != 0 || !s.crews[kOrdinary].queue.empty() || !s.crews[kPrio].queue.empty())
        if (!s.settled.wait_until(lock, until)) {
            return s.running == 0 && s.crews[kOrdinary].queue.empty() &&
                   s.crews[kPrio].queue.empty();
        }
    return true;
}

WorkerPool::Parked::Parked() {
    if (State::Worker* me = State::current; me != nullptr && me->park_depth++ == 0)
        me->pool->park(*me, true);
}

WorkerPool::Parked::~Parked() {
    if (State::Worker* me = State::current; me != nullptr && --me->park_depth == 0)
        me->pool->park(*me, false);
}

} // namespace polyvirt::work
