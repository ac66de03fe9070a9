// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/subscriptions.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <polyvirt/abi/gen/events.h>

#include "host/plugin/context.h"
#include "host/plugin/driver_instance.h"

namespace polyvirt::plugin {
namespace {

// The events of all kinds' life-cycles have one number and one form.
static_assert(PV_EVENT_DOMAIN_LIFECYCLE == 0 && PV_EVENT_NETWORK_LIFECYCLE == 0 && PV_EVENT_POOL_LIFECYCLE == 0 &&
              PV_EVENT_NODEDEV_LIFECYCLE == 0 && PV_EVENT_SECRET_LIFECYCLE == 0);
constexpr std::int32_t kLifecycle = 0;
using Lifecycle = pv_event_network_lifecycle;
static_assert(offsetof(Lifecycle, event) == offsetof(pv_event_domain_lifecycle, event) &&
              offsetof(Lifecycle, detail) == offsetof(pv_event_domain_lifecycle, detail) &&
              sizeof(Lifecycle) == sizeof(pv_event_domain_lifecycle));
constexpr int kStepsInTurn = 16;

bool serves(const Instance& instance, std::uint32_t kind) {
    const auto& served = static_cast<const DriverInstance&>(instance).manifest().serves;
    return std::find(served.begin(), served.end(), kind) != served.end();
}

} // namespace

bool Subscriptions::has_notices(std::uint32_t kind) {
    return kind == PV_KIND_DOMAIN || kind == PV_KIND_NETWORK || kind == PV_KIND_POOL || kind == PV_KIND_NODEDEV ||
           kind == PV_KIND_SECRET;
}

void Subscriptions::add(std::shared_ptr<Subscription> subscription) {
    const std::uint32_t kind = subscription->kind();
    const LeafLock lock(mu_);
    all_.push_back(std::move(subscription));
    counts_[kind].fetch_add(1);
}

void Subscriptions::remove(const Subscription& subscription) {
    std::shared_ptr<Subscription> kept; // beyond the lock
    const LeafLock lock(mu_);
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& s) { return s.get() == &subscription; });
    if (found == all_.end()) return;
    kept = std::move(*found);
    all_.erase(found);
    counts_[subscription.kind()].fetch_sub(1);
}

bool Subscriptions::wanted(std::uint32_t kind, std::int32_t id) const {
    return id == kLifecycle && kind < counts_.size() && counts_[kind].load() != 0;
}

void Subscriptions::post(const std::shared_ptr<Instance>& from, const pv_event& event) {
    if (!wanted(event.kind, event.id) || event.payload == nullptr || !serves(*from, event.kind)) return;
    constexpr std::size_t kUsed = offsetof(Lifecycle, detail) + sizeof(Lifecycle::detail);
    Lifecycle payload{};
    std::memcpy(&payload.size, event.payload, sizeof payload.size);
    if (payload.size < kUsed) return;
    std::memcpy(&payload, event.payload, kUsed);
    std::vector<std::shared_ptr<Subscription>> told;
    {
        const LeafLock lock(mu_);
        for (const auto& subscription : all_)
            if (subscription->kind() == event.kind) told.push_back(subscription);
    }
    for (const auto& subscription : told) subscription->tell(from, event, payload.event, payload.detail);
}

struct Subscription::Body {
    const Strand::User strand;
    const pv_notice_fn fn;
    const std::shared_ptr<PluginContext> context;
};

Subscription::Subscription(pv_host& host, std::uint32_t kind, const std::shared_ptr<Strand>& strand, pv_notice_fn fn,
                           std::shared_ptr<PluginContext> context)
    : host_(host), kind_(kind), body_(new Body{Strand::User(strand), fn, std::move(context)}) {}

Subscription::~Subscription() = default;

void Subscription::tell(const std::shared_ptr<Instance>& from, const pv_event& event, std::int32_t what,
                        std::int32_t detail) {
    Note note{from, what, detail, event.object, Uuid::from_bytes(event.uuid), event.name};
    {
        const LeafLock lock(mu_);
        if (body_ == nullptr) return;
        // Until the loss has been told, so that all that is told after it came after it.
        if (lost_ != 0 || waiting_.size() >= kMaxWaiting) lost_ = std::min(lost_, INT32_MAX - 1) + 1;
        else waiting_.push_back(std::move(note));
    }
    schedule();
}

void Subscription::end() {
    host_.shared.subscriptions.remove(*this);
    std::shared_ptr<const Body> body;
    {
        const LeafLock lock(mu_);
        body = std::move(body_);
        waiting_.clear();
    }
    if (body == nullptr) return;
    loop::EventLoop& loop = body->strand->loop();
    loop.post([last = std::move(body)] {}); // released there, but for a step that still runs
}

void Subscription::schedule() {
    std::shared_ptr<const Body> body;
    {
        const LeafLock lock(mu_);
        if (body_ == nullptr || std::exchange(scheduled_, true)) return;
        body = body_;
    }
    loop::EventLoop& loop = body->strand->loop();
    loop.post([self = shared_from_this(), body = std::move(body)] { self->step(*body); });
}

void Subscription::step(const Body& body) {
    for (int i = 0; i < kStepsInTurn; ++i)
        if (!step_once(body)) return;
    {
        const LeafLock lock(mu_);
        scheduled_ = false;
    }
    schedule();
}

// False: there is nothing, and this is not scheduled any more.
bool Subscription::step_once(const Body& body) {
    Note note;
    {
        const LeafLock lock(mu_);
        if (body_ == nullptr || (waiting_.empty() && lost_ == 0)) {
            scheduled_ = false;
            return false;
        }
        if (waiting_.empty()) {
            note.event = PV_NOTICE_LOST;
            note.detail = std::exchange(lost_, 0);
        } else {
            note = std::move(waiting_.front());
            waiting_.pop_front();
        }
    }
    if (note.event == PV_NOTICE_LOST || is_from_provider(note)) call(body, note);
    return true;
}

// One that has gone has nothing to say any more. While one is being started, nobody is the provider yet.
bool Subscription::is_from_provider(const Note& note) const {
    const std::shared_ptr<Instance> from = note.from.lock();
    const std::shared_ptr<Instance> subscriber = host_.instance.lock();
    if (from == nullptr || subscriber == nullptr) return false;
    if (from->state() == InstanceState::stopped || from->state() == InstanceState::failed) return false;
    const std::shared_ptr<Instance> provider = host_.shared.providers.find(subscriber, kind_);
    return provider == nullptr || provider == from;
}

void Subscription::call(const Body& body, const Note& note) const {
    pv_notice notice{};
    notice.size = sizeof notice;
    notice.kind = kind_;
    notice.event = note.event;
    notice.detail = note.detail;
    notice.object = note.object;
    std::copy(note.uuid.bytes.begin(), note.uuid.bytes.end(), notice.uuid);
    notice.name = note.name.c_str();
    body.strand->run(reinterpret_cast<const void*>(body.fn), [&] { body.fn(body.context->get(), &notice); });
}

} // namespace polyvirt::plugin
