// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/events.h"

#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include "base/assert.h"
#include "base/sync.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {

struct EventDispatcher::State {
    explicit State(EventSink& s) : sink(s) {}

    // A batch: events, then, where there is one, something to run.
    struct Batch {
        std::vector<QueuedEvent> events;
        std::function<void()> then;
        std::uint64_t last = 0; // serial of the last event up to here
    };

    void run();
    void append(std::function<void()> then) PV_REQUIRES(mu) {
        if (queue.empty() || queue.back().then) queue.emplace_back();
        queue.back().then = std::move(then);
        queue.back().last = ++serial;
        wake.notify_one();
    }

    EventSink& sink;
    mutable Mutex mu{Rank::leaf};
    CondVar wake, progress;
    std::vector<Batch> queue PV_GUARDED_BY(mu);
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
            if (n != 0) sink.deliver(batch.events);
            if (batch.then) batch.then();
            batch.events.clear(); // lets go of instances before flush() is told
            batch.then = nullptr;
            const LeafLock lock(mu);
            delivered += n;
            done = batch.last;
            progress.notify_all();
        }
        work.clear();
    }
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

pv_status EventDispatcher::post(const std::shared_ptr<Instance>& instance, const pv_event& event) noexcept {
    try {
        QueuedEvent queued;
        if (const pv_status status = state_->sink.encode(*instance, event, queued.encoded); status != PV_OK)
            return status;
        if (!queued.encoded) return PV_OK;
        queued.instance = instance;
        queued.kind = event.kind;
        queued.id = event.id;
        queued.dom_id = event.dom_id;
        queued.object = event.object;
        queued.uuid = Uuid::from_bytes(event.uuid);
        queued.name = event.name;
        const LeafLock lock(state_->mu);
        if (state_->queue.empty() || state_->queue.back().then) state_->queue.emplace_back();
        queued.serial = state_->queue.back().last = ++state_->serial;
        state_->queue.back().events.push_back(std::move(queued));
        ++state_->posted;
        state_->wake.notify_one();
        return PV_OK;
    } catch (...) { // out of memory
        return PV_FAIL;
    }
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
