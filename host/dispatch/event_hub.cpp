// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/event_hub.h"

#include <algorithm>

#include <polyvirt/abi/gen/events.h>

#include "base/error_text.h"
#include "host/dispatch/call_access.h"
#include "host/dispatch/event_codec.h"
#include "host/dispatch/event_support.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/reply.h"
#include "host/dispatch/session.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

using Body = std::vector<std::uint8_t>;

// What encode() makes of an event.
struct Encoded {
    Body body;
    std::string monitor; // of monitor events: the name that filters look at
};

bool is_monitor(std::uint32_t kind, std::int32_t id) { return kind == PV_KIND_DOMAIN && id == PV_EVENT_DOMAIN_QEMU_MONITOR; }

std::uint64_t hook_of(std::uint32_t kind, std::int32_t event_id) {
    return static_cast<std::uint64_t>(kind) << 32 | static_cast<std::uint32_t>(event_id);
}

bool wants(const Subscription& s, const plugin::QueuedEvent& event) {
    if (s.instance != event.instance) return false;
    if (s.monitor != nullptr && !s.monitor->matches(static_cast<const Encoded*>(event.encoded.get())->monitor)) return false;
    return !s.filtered || (s.uuid == event.uuid && (s.name.empty() || !s.uuid.is_nil() || s.name == event.name));
}

rpc::SharedBuffer make_message(const EventMessage& message, std::int32_t callback_id, bool old_style,
                               const Body& body) {
    protocol::Header header;
    header.prog = message.program;
    header.vers = 1;
    header.proc = old_style ? message.old_proc : message.new_proc;
    header.type = protocol::MsgType::message;
    header.serial = 1; // what the peer sends; clients ignore it
    protocol::Encoder encoder(protocol::begin_packet(header, body.size() + 4));
    if (!old_style) encoder.put(callback_id);
    const std::size_t skip = old_style ? message.old_skip : 0;
    encoder.raw(body.data() + skip, static_cast<std::uint32_t>(body.size() - skip));
    return std::make_shared<const rpc::Buffer>(finish(std::move(encoder)));
}

} // namespace

EventHub::EventHub(const access::Control& control)
    : gate_(control, [](const EventGate::Entry& entry, const plugin::QueuedEvent& event) {
          const EventMessage* message = find_event_message(event.kind, event.id);
          if (message == nullptr || event.encoded == nullptr) return;
          entry->client->send_event(make_message(*message, entry->callback_id, entry->old_style,
                                                 static_cast<const Encoded*>(event.encoded.get())->body));
      }) {}

pv_status EventHub::encode(const plugin::Instance&, const pv_event& event,
                           plugin::EncodedEvent& encoded) noexcept {
    try {
        protocol::Encoder encoder;
        if (!encode_event(event, encoder) || encoder.failed()) return PV_ABI;
        auto made = std::make_shared<Encoded>();
        made->body = encoder.take();
        made->body.shrink_to_fit();
        if (is_monitor(event.kind, event.id)) {
            pv_event_domain_qemu_monitor payload{};
            if (glue::payload_of(event, payload)) made->monitor = payload.event;
        }
        constexpr std::size_t kAllocations = 2 * 2 * sizeof(void*); // what malloc and shared_ptr need for the two
        encoded.bytes = sizeof(Encoded) + kAllocations + made->body.capacity() + made->monitor.capacity();
        encoded.data = std::move(made);
        return PV_OK;
    } catch (const std::bad_alloc&) {
        return PV_FAIL;
    }
}

bool EventHub::wanted(const plugin::Instance& instance, std::uint32_t kind, std::int32_t id) const noexcept {
    {
        const LeafLock lock(mu_);
        if (counts_.contains(Source{&instance, hook_of(kind, id)})) return true;
    }
    return find_event_message(kind, id) == nullptr; // whoever posts that is told what is wrong with it
}

void EventHub::count(const Entry& entry, int change) {
    const LeafLock lock(mu_);
    const auto counted = counts_.try_emplace(Source{entry->instance.get(), hook_of(entry->kind, entry->event_id)}, 0).first;
    counted->second += change;
    if (counted->second <= 0) counts_.erase(counted);
}

void EventHub::deliver(std::span<const plugin::QueuedEvent> batch) noexcept {
    for (const plugin::QueuedEvent& event : batch) {
        const auto found = by_event_.find(hook_of(event.kind, event.id));
        if (found != by_event_.end()) send(event, found->second);
    }
}

void EventHub::send(const plugin::QueuedEvent& event, const std::vector<Entry>& to) {
    const EventMessage* message = find_event_message(event.kind, event.id);
    if (message == nullptr || event.encoded == nullptr) return;
    const Body& body = static_cast<const Encoded*>(event.encoded.get())->body;
    rpc::SharedBuffer shared;
    std::int32_t shared_id = 0;
    bool shared_old = false;
    const access::Object object{
        .kind = access_kind(event.kind), .name = event.name, .uuid = event.uuid};
    for (const Entry& entry : to) {
        if (!wants(*entry, event) || gate_.judge(entry, event, object) != EventGate::Pass::yes) continue;
        if (shared == nullptr || shared_id != entry->callback_id || shared_old != entry->old_style) {
            shared = make_message(*message, entry->callback_id, entry->old_style, body);
            shared_id = entry->callback_id;
            shared_old = entry->old_style;
        }
        const bool sent = entry->client->send_event(shared); // who is gone or does not read is not our worry
        (sent ? sent_ : lost_).fetch_add(1, std::memory_order_relaxed);
    }
}

Result<std::int32_t> EventHub::add(Subscription subscription) {
    PerClient& mine = clients_[subscription.client.get()];
    static_cast<Session*>(subscription.client->session())->set_subscribed();
    const auto same = [&](const Entry& e) {
        return e->kind == subscription.kind && e->event_id == subscription.event_id &&
               e->filtered == subscription.filtered && e->uuid == subscription.uuid &&
               e->name == subscription.name;
    };
    if (subscription.monitor == nullptr && std::any_of(mine.list.begin(), mine.list.end(), same))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "event callback already tracked");
    subscription.callback_id = mine.next_id++;
    auto entry = std::make_shared<const Subscription>(std::move(subscription));
    mine.list.push_back(entry);
    by_event_[hook_of(entry->kind, entry->event_id)].push_back(entry);
    count(entry, 1);
    return entry->callback_id;
}

template <typename Match> bool EventHub::remove_if(const rpc::Client& client, const Match& match) {
    const auto mine = clients_.find(&client);
    if (mine == clients_.end()) return false;
    auto& list = mine->second.list;
    const auto found = std::find_if(list.begin(), list.end(), match);
    if (found == list.end()) return false;
    unlink(*found);
    list.erase(found);
    return true;
}

Status EventHub::remove(const rpc::Client& client, std::uint32_t kind, std::int32_t callback_id) {
    const auto same = [&](const Entry& e) { return e->kind == kind && e->callback_id == callback_id && !e->old_style; };
    if (remove_if(client, same)) return {};
    return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "{} event callback {} not registered", facts_of(kind).noun,
                      callback_id);
}

Status EventHub::remove_old(const rpc::Client& client, std::uint32_t kind, std::int32_t event_id) {
    const auto same = [&](const Entry& e) { return e->kind == kind && e->event_id == event_id && e->old_style; };
    if (remove_if(client, same)) return {};
    return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "{} event {} not registered", facts_of(kind).noun, event_id);
}

void EventHub::remove_client(const rpc::Client& client) {
    const auto mine = clients_.find(&client);
    if (mine == clients_.end()) return;
    for (const Entry& entry : mine->second.list) unlink(entry);
    gate_.forget(client);
    clients_.erase(mine);
}

void EventHub::unlink(const Entry& entry) {
    gate_.forget(entry);
    count(entry, -1);
    const auto found = by_event_.find(hook_of(entry->kind, entry->event_id));
    if (found == by_event_.end()) return;
    std::erase(found->second, entry);
    if (found->second.empty()) by_event_.erase(found);
}

} // namespace polyvirt::dispatch
