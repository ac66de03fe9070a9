// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Registration for events. What a registration does happens on the events thread, in order with the
// events themselves, and the reply is sent from there (event_hub.h says why).

#include "base/error_text.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/event_codec.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

// The wire's way to say "old style" numbers above what it knows.
Status check_event(std::int32_t event_id, bool old_style) {
    const EventMessage* message = find_event_message(PV_KIND_DOMAIN, event_id);
    if (message == nullptr || message->program != remote::kProgram || (old_style && message->old_proc == 0))
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "unsupported event ID {}", event_id);
    return {};
}

// Runs `work` on the events thread, then answers: `reply` encodes its value.
template <typename Ret, typename Work> Status on_events_thread(WireCall& call, Work work) {
    call.defer();
    auto self = std::static_pointer_cast<WireCall>(call.shared_from_this());
    call.dispatcher().plugins().events().run([self, work = std::move(work)]() mutable {
        Ret ret{};
        if (Status status = work(ret); !status) return self->fail(std::move(status).error());
        self->reply_later([&](protocol::Encoder& e) { encode(e, ret); });
    });
    return {};
}

Subscription domain_events(WireCall& call, std::int32_t event_id) {
    Subscription s;
    s.client = call.client_ptr();
    s.instance = call.instance;
    s.kind = PV_KIND_DOMAIN;
    s.event_id = event_id;
    return s;
}

Status callback_register(WireCall& call, const remote::connect_domain_event_callback_register_any_args& args,
                         remote::connect_domain_event_callback_register_any_ret&) {
    PV_TRY(check_event(args.eventID, false));
    Subscription s = domain_events(call, args.eventID);
    if (args.dom != nullptr) {
        PV_ASSIGN_OR_RETURN(const plugin::ObjectPtr domain, find_domain(call, *args.dom));
        s.filtered = true;
        s.uuid = domain->uuid;
    }
    EventHub& hub = call.dispatcher().events();
    return on_events_thread<remote::connect_domain_event_callback_register_any_ret>(
        call, [&hub, s = std::move(s)](auto& ret) mutable -> Status {
            PV_ASSIGN_OR_RETURN(ret.callbackID, hub.add(std::move(s)));
            return {};
        });
}

Status callback_deregister(WireCall& call,
                           const remote::connect_domain_event_callback_deregister_any_args& args, Nothing&) {
    EventHub& hub = call.dispatcher().events();
    return on_events_thread<Nothing>(
        call, [&hub, client = call.client_ptr(), id = args.callbackID](Nothing&) -> Status {
            return hub.remove(*client, PV_KIND_DOMAIN, id);
        });
}

Status register_old(WireCall& call, std::int32_t event_id) {
    PV_TRY(check_event(event_id, true));
    Subscription s = domain_events(call, event_id);
    s.old_style = true;
    EventHub& hub = call.dispatcher().events();
    return on_events_thread<Nothing>(call, [&hub, s = std::move(s)](Nothing&) mutable -> Status {
        PV_TRY(hub.add(std::move(s)));
        return {};
    });
}

Status deregister_old(WireCall& call, std::int32_t event_id) {
    PV_TRY(check_event(event_id, true));
    EventHub& hub = call.dispatcher().events();
    return on_events_thread<Nothing>(call, [&hub, client = call.client_ptr(), event_id](Nothing&) -> Status {
        return hub.remove_old(*client, PV_KIND_DOMAIN, event_id);
    });
}

Status register_any(WireCall& call, const remote::connect_domain_event_register_any_args& args, Nothing&) {
    return register_old(call, args.eventID);
}

Status deregister_any(WireCall& call, const remote::connect_domain_event_deregister_any_args& args, Nothing&) {
    return deregister_old(call, args.eventID);
}

// The first of all registrations, for lifecycle events alone. Its reply has a number without meaning.
template <bool On> Status lifecycle(WireCall& call, const Nothing&, remote::connect_domain_event_register_ret&) {
    constexpr std::int32_t kLifecycle = 0;
    EventHub& hub = call.dispatcher().events();
    Subscription s = domain_events(call, kLifecycle);
    s.old_style = true;
    return on_events_thread<remote::connect_domain_event_register_ret>(
        call, [&hub, s = std::move(s)](auto&) mutable -> Status {
            if constexpr (On) {
                PV_TRY(hub.add(std::move(s)));
                return {};
            } else {
                return hub.remove_old(*s.client, PV_KIND_DOMAIN, kLifecycle);
            }
        });
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAnswers[] = {
    entry<remote::connect_domain_event_callback_register_any_args,
          remote::connect_domain_event_callback_register_any_ret, &callback_register>(
        remote::Proc::connect_domain_event_callback_register_any),
    entry<remote::connect_domain_event_callback_deregister_any_args, Nothing, &callback_deregister>(
        remote::Proc::connect_domain_event_callback_deregister_any),
    entry<remote::connect_domain_event_register_any_args, Nothing, &register_any>(
        remote::Proc::connect_domain_event_register_any),
    entry<remote::connect_domain_event_deregister_any_args, Nothing, &deregister_any>(
        remote::Proc::connect_domain_event_deregister_any),
    entry<Nothing, remote::connect_domain_event_register_ret, &lifecycle<true>>(
        remote::Proc::connect_domain_event_register),
    entry<Nothing, remote::connect_domain_event_register_ret, &lifecycle<false>>(
        remote::Proc::connect_domain_event_deregister),
};

} // namespace

std::span<const HostAnswer> event_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
