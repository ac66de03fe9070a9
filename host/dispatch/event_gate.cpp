// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/event_gate.h"

#include <array>

#include <fmt/core.h>

#include "host/dispatch/call_access.h"
#include "host/dispatch/event_hub.h"
#include "host/dispatch/session.h"
#include "host/plugin/instance.h"

namespace polyvirt::dispatch {
namespace {

access::Permission getattr_of(access::Kind kind) {
    static const auto kGetattr = [] {
        std::array<access::Permission, access::kKinds> all{};
        for (std::size_t k = 0; k < all.size(); ++k)
            all[k] = *access::find_permission(
                fmt::format("{}.getattr", access::kind_name(static_cast<access::Kind>(k))));
        return all;
    }();
    return kGetattr[static_cast<std::size_t>(kind)];
}

access::Object object_of(const plugin::QueuedEvent& event) {
    return {.kind = access_kind(event.kind), .name = event.name, .uuid = event.uuid};
}

std::shared_ptr<const access::Viewer> viewer_of(const Subscription& s, const access::Control& control) {
    return static_cast<Session*>(s.client->session())->viewer(control, *s.client);
}

} // namespace

EventGate::Pass EventGate::judge(const Entry& entry, const plugin::QueuedEvent& event, const access::Object& object) {
    const bool behind = !held_.empty() && held_.contains(entry->client.get());
    if (!behind && control_.generation() == 0) return Pass::yes;
    if (!behind) {
        const auto viewer = viewer_of(*entry, control_);
        if (viewer == nullptr) return Pass::yes;
        const access::Permission permission = getattr_of(object.kind);
        if (!viewer->asks()) return viewer->decide(permission, object) ? Pass::yes : Pass::no;
        if (const auto known = viewer->known(permission, object, entry->instance->type_name()))
            return *known == access::Answer::yes ? Pass::yes : Pass::no;
    }
    hold(entry, event);
    return Pass::later;
}

void EventGate::hold(const Entry& entry, const plugin::QueuedEvent& event) {
    const rpc::Client* client = entry->client.get();
    Queue& queue = held_[client];
    if (queue.items.size() >= kMaxHeld || (queue.bytes != 0 && queue.bytes + event.bytes > kMaxHeldBytes))
        return entry->client->close("too many of its events wait for a decision of polkit's");
    queue.items.push_back({entry, event});
    queue.bytes += event.bytes;
    if (queue.items.size() == 1) next(client);
}

void EventGate::pop(Queue& queue) {
    queue.bytes -= queue.items.front().event.bytes;
    queue.items.pop_front();
}

// Goes on with the first event that is held for a client, which no question is open about.
void EventGate::next(const rpc::Client* client) {
    const auto found = held_.find(client);
    if (found == held_.end()) return;
    Queue& queue = found->second;
    while (!queue.items.empty() && queue.items.front().entry == nullptr) pop(queue);
    if (queue.items.empty()) {
        held_.erase(found);
        return;
    }
    const Held& first = queue.items.front();
    const std::uint64_t question = queue.asked = ++questions_;
    const auto viewer = viewer_of(*first.entry, control_);
    const auto tell = [this, client, question](bool yes) {
        runner_([this, client, question, yes] { answered(client, question, yes); });
    };
    if (viewer == nullptr) return tell(true);
    const access::Object object = object_of(first.event);
    const access::Permission permission = getattr_of(object.kind);
    if (!viewer->asks()) return tell(viewer->decide(permission, object));
    viewer->ask(permission, object, first.entry->instance->type_name(), [tell](Result<access::Answer> answer) {
        tell(answer && *answer == access::Answer::yes); // what polkit cannot decide is not shown
    });
}

void EventGate::answered(const rpc::Client* client, std::uint64_t question, bool yes) {
    const auto found = held_.find(client);
    if (found == held_.end() || found->second.asked != question) return; // the client has gone
    const Held first = found->second.items.front();
    pop(found->second);
    if (yes && first.entry != nullptr) deliver_(first.entry, first.event);
    next(client);
}

void EventGate::forget(const Entry& entry) {
    const auto found = held_.find(entry->client.get());
    if (found == held_.end()) return;
    for (Held& held : found->second.items)
        if (held.entry == entry) held.entry = nullptr;
}

} // namespace polyvirt::dispatch
