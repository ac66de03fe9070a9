// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Authentication: what the client's listener asks for, and the exchange that follows. A client learns
// that it failed, the log why.

#include "base/error_text.h"
#include "base/log.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/remote.h"
#include "host/rpc/sasl.h"
#include "host/work/worker_pool.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;
using Exchange = std::unique_ptr<rpc::SaslSession>;

constexpr unsigned kMaxFailures = 5; // of one connection, which then ends

Status auth_list(WireCall& call, const Nothing&, remote::auth_list_ret& ret) {
    rpc::AuthMethod method = call.client().auth_method();
    // polkit judges others than root, who is let in by asking what is asked for.
    if (method == rpc::AuthMethod::polkit && call.client().identity().uid == 0) {
        method = rpc::AuthMethod::none;
        if (!call.client().authenticated()) call.client().set_authenticated({}, {});
    }
    const std::span<std::int32_t> types = call.arena().make_array<std::int32_t>(1);
    types[0] = static_cast<std::int32_t>(method);
    ret.types = types;
    return {};
}

Error refused(WireCall& call, std::string_view why) {
    log::warning("auth", "client {} ({}): {}", call.client().id(), call.client().identity().address,
                 why);
    if (call.session().sasl_failed() >= kMaxFailures)
        call.end_connection();
    return authentication_failed();
}

// SASL is what this connection authenticates with, and has not yet.
Status check_method(WireCall& call) {
    if (call.client().auth_method() != rpc::AuthMethod::sasl)
        return refused(call, "it asked for SASL, which its socket does not use");
    if (call.client().authenticated())
        return refused(call, "it asked for SASL, but is authenticated already");
    if (call.dispatcher().sasl() == nullptr)
        return refused(call, "SASL is not set up");
    return {};
}

Status sasl_init(WireCall& call, const Nothing&, remote::auth_sasl_init_ret& ret) {
    PV_TRY(check_method(call));
    const work::WorkerPool::Parked waits; // files, name servers, key servers
    auto exchange = call.dispatcher().sasl()->begin(call.client().identity());
    if (!exchange)
        return refused(call, exchange.error().message);
    const auto mechanisms = (*exchange)->mechanisms();
    if (!mechanisms)
        return refused(call, mechanisms.error().message);
    ret.mechlist = call.keep(*mechanisms);
    call.session().put_sasl(*std::move(exchange));
    return {};
}

// Authenticated now. Where a security layer was negotiated, the reply is the last that goes without it.
void complete(WireCall& call, rpc::SaslSession& exchange) {
    log::info("auth", "client {} ({}): authenticated as '{}' by {}, {} bits", call.client().id(),
              call.client().identity().address, exchange.user(), exchange.mechanism(),
              exchange.secret_bits());
    call.client().set_authenticated(exchange.user(), {}, exchange.secret_bits());
    if (auto layer = exchange.take_layer())
        call.set_layer(std::move(layer));
}

template <typename Ret>
Status take_step(WireCall& call, Exchange exchange, Result<rpc::SaslSession::Step> step, Ret& ret) {
    if (!step)
        return refused(call, step.error().message);
    ret.complete = step->complete ? 1 : 0;
    ret.nil = step->data ? 0 : 1;
    if (step->data) {
        if (step->data->size() > protocol::limit_auth_sasl_data)
            return refused(call, "SASL: the mechanism's answer is longer than the wire allows");
        const auto text = call.keep(*step->data);
        ret.data = {text.data, text.size};
    }
    if (step->complete)
        complete(call, *exchange);
    else
        call.session().put_sasl(std::move(exchange));
    return {};
}

rpc::SaslSession::Data data_of(std::int32_t nil, std::span<const char> data) {
    if (nil != 0)
        return std::nullopt;
    return std::string(data.begin(), data.end());
}

Result<Exchange> current(WireCall& call) {
    PV_TRY(check_method(call));
    Exchange exchange = call.session().take_sasl();
    if (exchange == nullptr)
        return refused(call, "SASL: no exchange has begun, or another call has it");
    return exchange;
}

Status sasl_start(WireCall& call, const remote::auth_sasl_start_args& args,
                  remote::auth_sasl_start_ret& ret) {
    PV_ASSIGN_OR_RETURN(Exchange exchange, current(call));
    const work::WorkerPool::Parked waits;
    auto step = exchange->start(std::string(args.mech.view()), data_of(args.nil, args.data));
    return take_step(call, std::move(exchange), std::move(step), ret);
}

Status sasl_step(WireCall& call, const remote::auth_sasl_step_args& args,
                 remote::auth_sasl_step_ret& ret) {
    PV_ASSIGN_OR_RETURN(Exchange exchange, current(call));
    const work::WorkerPool::Parked waits;
    auto step = exchange->step(data_of(args.nil, args.data));
    return take_step(call, std::move(exchange), std::move(step), ret);
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAuthAnswers[] = {
    entry<Nothing, remote::auth_list_ret, &auth_list>(remote::Proc::auth_list),
    entry<Nothing, remote::auth_sasl_init_ret, &sasl_init>(remote::Proc::auth_sasl_init),
    entry<remote::auth_sasl_start_args, remote::auth_sasl_start_ret, &sasl_start>(
        remote::Proc::auth_sasl_start),
    entry<remote::auth_sasl_step_args, remote::auth_sasl_step_ret, &sasl_step>(
        remote::Proc::auth_sasl_step),
};

} // namespace

std::span<const HostAnswer> auth_answers() { return kAuthAnswers; }

} // namespace polyvirt::dispatch
