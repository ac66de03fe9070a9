// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Registration for events. What a registration does happens on the events thread, in order with the
// events themselves, and the reply is sent from there (event_hub.h says why).

#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/event_codec.h"
#include "host/dispatch/gen/host_ops.h"
#include "host/dispatch/kind_facts.h"
#include "host/protocol/gen/remote.h"

#include <polyvirt/abi/gen/events.h>

namespace polyvirt::dispatch::host {
namespace {

// Numbers that nothing of the kind has, or, in the old style, nothing that has a message without callback id.
Status check_event(std::uint32_t kind, std::int32_t event_id, bool old_style) {
    const EventMessage* message = find_event_message(kind, event_id);
    if (message != nullptr && message->program == protocol::remote::kProgram && (!old_style || message->old_proc != 0)) return {};
    const std::string noun = kind == PV_KIND_DOMAIN ? std::string() : std::string(facts_of(kind).noun) + " ";
    return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "unsupported {}event ID {}", noun, event_id);
}

// Runs `work` on the events thread, then answers from there.
template <typename Out, typename Work> Status on_events_thread(WireCall& call, Reply<Out> reply, Work work) {
    call.defer();
    auto self = std::static_pointer_cast<WireCall>(call.shared_from_this());
    call.dispatcher().plugins().events().run([self, reply, work = std::move(work)]() mutable {
        Out out{};
        if (Status status = work(out); !status) return self->fail(std::move(status).error());
        self->reply_later([&](protocol::Encoder& e) { return reply(*self, out, e); });
    });
    return {};
}

Subscription subscription(WireCall& call, std::uint32_t kind, std::int32_t event_id, const plugin::ObjectPtr& object) {
    Subscription s;
    s.client = call.client_ptr();
    s.instance = call.instance;
    s.kind = kind;
    s.event_id = event_id;
    s.filtered = object != nullptr;
    if (object != nullptr) {
        s.uuid = object->uuid;
        if (object->uuid.is_nil()) s.name = object->name;
    }
    return s;
}

} // namespace

Status event_register(WireCall& call, const EventRegisterIn& in, Reply<EventRegisterOut> reply) {
    PV_TRY(check_event(in.kind, in.event, false));
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(),
                                          s = subscription(call, in.kind, in.event, in.object)](auto& out) mutable -> Status {
        PV_ASSIGN_OR_RETURN(out.callback, hub.add(std::move(s)));
        return {};
    });
}

Status event_deregister(WireCall& call, const EventDeregisterIn& in, Reply<EventDeregisterOut> reply) {
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), client = call.client_ptr(), kind = in.kind,
                                          id = in.callback](auto&) { return hub.remove(*client, kind, id); });
}

Status event_register_old(WireCall& call, const EventRegisterOldIn& in, Reply<EventRegisterOldOut> reply) {
    PV_TRY(check_event(PV_KIND_DOMAIN, in.event, true));
    Subscription s = subscription(call, PV_KIND_DOMAIN, in.event, nullptr);
    s.old_style = true;
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), s = std::move(s)](auto&) mutable -> Status {
        PV_TRY(hub.add(std::move(s)));
        return {};
    });
}

Status event_deregister_old(WireCall& call, const EventDeregisterOldIn& in, Reply<EventDeregisterOldOut> reply) {
    PV_TRY(check_event(PV_KIND_DOMAIN, in.event, true));
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), client = call.client_ptr(),
                                          event = in.event](auto&) { return hub.remove_old(*client, PV_KIND_DOMAIN, event); });
}

Status monitor_event_register(WireCall& call, const MonitorEventRegisterIn& in, Reply<MonitorEventRegisterOut> reply) {
    Subscription s = subscription(call, PV_KIND_DOMAIN, PV_EVENT_DOMAIN_QEMU_MONITOR, in.object);
    PV_ASSIGN_OR_RETURN(s.monitor, MonitorFilter::create(in.filter, in.flags));
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), s = std::move(s)](auto& out) mutable -> Status {
        PV_ASSIGN_OR_RETURN(out.callback, hub.add(std::move(s)));
        return {};
    });
}

// Asking twice, or taking back what was not asked for, changes nothing and is no error, as with the peer.
Status register_close(WireCall& call, const RegisterCloseIn&, Reply<RegisterCloseOut> reply) {
    Subscription s = subscription(call, PV_KIND_NONE, PV_EVENT_CONNECTION_CLOSED, nullptr);
    s.old_style = true;
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), s = std::move(s)](auto&) mutable -> Status {
        static_cast<void>(hub.add(std::move(s)));
        return {};
    });
}

Status unregister_close(WireCall& call, const UnregisterCloseIn&, Reply<UnregisterCloseOut> reply) {
    return on_events_thread(call, reply, [&hub = call.dispatcher().events(), client = call.client_ptr()](auto&) -> Status {
        static_cast<void>(hub.remove_old(*client, PV_KIND_NONE, PV_EVENT_CONNECTION_CLOSED));
        return {};
    });
}

} // namespace polyvirt::dispatch::host
