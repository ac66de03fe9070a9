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

    void run();

    EventSink& sink;
    mutable Mutex mu{Rank::leaf};
    CondVar wake, progress;
    std::vector<QueuedEvent> queue PV_GUARDED_BY(mu);
    std::uint64_t posted PV_GUARDED_BY(mu) = 0;
    std::uint64_t delivered PV_GUARDED_BY(mu) = 0;
    bool stopping PV_GUARDED_BY(mu) = false;
    std::thread thread;
};

void EventDispatcher::State::run() {
    std::vector<QueuedEvent> batch;
    while (true) {
        {
            LeafLock lock(mu);
            while (queue.empty() && !stopping) wake.wait(lock);
            if (queue.empty()) return;
            batch.swap(queue);
        }
        sink.deliver(batch);
        const std::uint64_t last = batch.back().serial;
        batch.clear(); // lets go of instances before flush() is told
        const LeafLock lock(mu);
        delivered = last;
        progress.notify_all();
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
        queued.serial = state_->posted + 1;
        state_->queue.push_back(std::move(queued));
        ++state_->posted;
        state_->wake.notify_one();
        return PV_OK;
    } catch (...) { // out of memory
        return PV_FAIL;
    }
}

void EventDispatcher::flush() {
    PV_ASSERT(std::this_thread::get_id() != state_->thread.get_id());
    LeafLock lock(state_->mu);
    const std::uint64_t until = state_->posted;
    while (state_->delivered < until) state_->progress.wait(lock);
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
