// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/events.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/sync.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {
namespace {

constexpr std::size_t kDefaultBudget = std::size_t{64} << 20;
// Few enough that the memory of those that are told is free soon, and that a vector's room is mostly used.
constexpr std::size_t kMostInBatch = 256;
constexpr auto kTellAgain = std::chrono::seconds(10);

std::size_t cost_of(const QueuedEvent& event, const EncodedEvent& encoded) {
    constexpr std::size_t kInline = 15; // of a std::string
    const std::size_t name = event.name.capacity() > kInline ? event.name.capacity() + 1 : 0;
    return sizeof(QueuedEvent) + name + encoded.bytes;
}

// A storm that is over, for the log.
struct Storm {
    std::string plugin;
    std::uint64_t dropped = 0;
};

} // namespace

struct EventDispatcher::State {
    explicit State(EventSink& s) : sink(s) {}

    // A batch: events, then, where there is one, something to run.
    struct Batch {
        std::vector<QueuedEvent> events;
        std::function<void()> then;
        std::uint64_t last = 0; // serial of the last event up to here
    };

    void run();
    Batch& open_batch() PV_REQUIRES(mu) {
        if (queue.empty() || queue.back().then || queue.back().events.size() >= kMostInBatch)
            queue.emplace_back().last = serial;
        return queue.back();
    }
    void append(std::function<void()> then) PV_REQUIRES(mu) {
        Batch& batch = open_batch();
        batch.then = std::move(then);
        batch.last = ++serial;
        wake.notify_one();
    }
    bool take(QueuedEvent&& event) PV_REQUIRES(mu);
    pv_status drop(const Instance& instance, EventAccount& account);
    void pay_back(const Batch& batch);

    EventSink& sink;
    mutable Mutex mu{Rank::leaf};
    CondVar wake, progress;
    std::vector<Batch> queue PV_GUARDED_BY(mu);
    std::size_t budget PV_GUARDED_BY(mu) = kDefaultBudget;
    std::uint64_t serial PV_GUARDED_BY(mu) = 0; // of events and things to run
    std::uint64_t done PV_GUARDED_BY(mu) = 0;
    std::uint64_t posted PV_GUARDED_BY(mu) = 0;
    std::uint64_t delivered PV_GUARDED_BY(mu) = 0;
    bool stopping PV_GUARDED_BY(mu) = false;
    std::thread thread;
};

void EventDispatcher::State::run() {
    std::vector<Batch> work;
    while (true) {
        {
            LeafLock lock(mu);
            while (queue.empty() && !stopping) wake.wait(lock);
            if (queue.empty()) return;
            work.swap(queue);
        }
        for (Batch& batch : work) {
            const std::size_t n = batch.events.size();
            if (n != 0) {
                sink.deliver(batch.events);
                pay_back(batch);
            }
            if (batch.then) batch.then();
            std::vector<QueuedEvent>().swap(batch.events); // lets go of instances before flush() is told
            batch.then = nullptr;
            const LeafLock lock(mu);
            delivered += n;
            done = batch.last;
            progress.notify_all();
        }
        work.clear();
    }
}

bool EventDispatcher::State::take(QueuedEvent&& event) {
    EventAccount& account = *event.account;
    const std::uint64_t bytes = account.bytes.load(std::memory_order_relaxed);
    if (account.full.load(std::memory_order_relaxed) || (bytes != 0 && bytes + event.bytes > budget)) {
        account.full.store(true, std::memory_order_relaxed);
        return false;
    }
    const std::size_t more = event.bytes;
    Batch& batch = open_batch();
    event.serial = serial + 1;
    batch.events.push_back(std::move(event)); // may find no memory: nothing is counted before
    batch.last = ++serial;
    account.bytes.store(bytes + more, std::memory_order_relaxed);
    ++posted;
    wake.notify_one();
    return true;
}

pv_status EventDispatcher::State::drop(const Instance& instance, EventAccount& account) {
    std::size_t limit = 0;
    {
        const LeafLock lock(mu);
        account.dropped.fetch_add(1, std::memory_order_relaxed);
        ++account.untold;
        const auto now = std::chrono::steady_clock::now();
        if (!account.told && now >= account.tell_next) {
            account.told = true;
            account.tell_next = now + kTellAgain;
            limit = budget;
        }
    }
    if (limit != 0)
        log::warning("plugin",
                     "driver '{}', instance '{}': events are being dropped: it posts them faster than its subscribers can "
                     "be told, and {} bytes of them may wait (events.max_queued_bytes)",
                     instance.plugin_id(), instance.key(), limit);
    return PV_BUSY;
}

// What the batch held is free again.
void EventDispatcher::State::pay_back(const Batch& batch) {
    std::vector<Storm> over;
    {
        const LeafLock lock(mu);
        for (const QueuedEvent& event : batch.events) {
            EventAccount& account = *event.account;
            const std::uint64_t left = account.bytes.load(std::memory_order_relaxed) - event.bytes;
            const bool over_now = account.full.load(std::memory_order_relaxed) && left <= budget / 2;
            if (over_now) account.full.store(false, std::memory_order_relaxed);
            account.bytes.store(left, std::memory_order_release); // who sees that there is room is let in
            if (over_now && std::exchange(account.told, false))
                over.push_back({event.instance->plugin_id(), std::exchange(account.untold, 0)});
        }
    }
    for (const Storm& storm : over)
        log::warning("plugin", "driver '{}': its events are taken again; {} were dropped", storm.plugin, storm.dropped);
}

EventDispatcher::EventDispatcher(EventSink& sink) : state_(std::make_unique<State>(sink)) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    state_->thread = std::thread([this] { state_->run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(state_->thread.native_handle(), "events");
}

EventDispatcher::~EventDispatcher() {
    {
        const LeafLock lock(state_->mu);
        state_->stopping = true;
        state_->wake.notify_one();
    }
    state_->thread.join();
}

pv_status EventDispatcher::post(const std::shared_ptr<Instance>& instance, EventAccount& account,
                                const pv_event& event) noexcept {
    try {
        if (account.full.load(std::memory_order_relaxed)) return state_->drop(*instance, account);
        EncodedEvent encoded;
        if (const pv_status status = state_->sink.encode(*instance, event, encoded); status != PV_OK) return status;
        if (!encoded.data) return PV_OK;
        QueuedEvent queued;
        queued.instance = instance;
        queued.kind = event.kind;
        queued.id = event.id;
        queued.dom_id = event.dom_id;
        queued.object = event.object;
        queued.uuid = Uuid::from_bytes(event.uuid);
        queued.name = event.name;
        queued.account = &account;
        queued.bytes = cost_of(queued, encoded);
        queued.encoded = std::move(encoded.data);
        {
            const LeafLock lock(state_->mu);
            if (state_->take(std::move(queued))) return PV_OK;
        }
        return state_->drop(*instance, account);
    } catch (...) { // out of memory
        return PV_FAIL;
    }
}

bool EventDispatcher::wanted(const Instance& instance, std::uint32_t kind, std::int32_t id) const noexcept {
    return state_->sink.wanted(instance, kind, id);
}

void EventDispatcher::set_budget(std::size_t bytes) {
    const LeafLock lock(state_->mu);
    state_->budget = bytes;
}

void EventDispatcher::run(std::function<void()> f) {
    const LeafLock lock(state_->mu);
    state_->append(std::move(f));
}

void EventDispatcher::flush() {
    PV_ASSERT(std::this_thread::get_id() != state_->thread.get_id());
    LeafLock lock(state_->mu);
    const std::uint64_t until = state_->serial;
    while (state_->done < until) state_->progress.wait(lock);
}

std::uint64_t EventDispatcher::posted() const {
    const LeafLock lock(state_->mu);
    return state_->posted;
}

std::uint64_t EventDispatcher::delivered() const {
    const LeafLock lock(state_->mu);
    return state_->delivered;
}

} // namespace polyvirt::plugin
