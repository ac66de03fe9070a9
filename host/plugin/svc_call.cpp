// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.call/1
#include <polyvirt/abi/call.h>

#include <cstring>

#include "host/plugin/context.h"
#include "host/plugin/instance.h"
#include "host/plugin/service.h"
#include "host/plugin/stream.h"

namespace polyvirt::plugin {
namespace {

constexpr std::uint32_t kMinError = offsetof(pv_error, message) + sizeof(const char*);

const char* text_or_empty(const char* text) { return text != nullptr ? text : ""; }

void error(pv_call* call, const pv_error* e) noexcept {
    guarded(0, [&] {
        if (e == nullptr || e->size < kMinError || e->message == nullptr) {
            misuse(call, "call.error");
            return 0;
        }
        Error ours;
        ours.code = static_cast<ErrorCode>(e->code);
        ours.domain = static_cast<ErrorDomain>(e->domain);
        ours.int1 = e->int1;
        ours.int2 = e->int2;
        ours.message = e->message[0] != '\0' ? e->message : "unknown error";
        if (PV_COVERS(e, pv_error, str1)) ours.str1 = text_or_empty(e->str1);
        if (PV_COVERS(e, pv_error, str2)) ours.str2 = text_or_empty(e->str2);
        if (PV_COVERS(e, pv_error, str3)) ours.str3 = text_or_empty(e->str3);
        fail(CallHandles::find(call, "call.error"), std::move(ours));
        return 0;
    });
}

// What `f` makes of the call; `none` if there is none, or none any more.
template <typename R, typename F> R with(pv_call* call, const char* what, R none, F&& f) noexcept {
    return guarded(none, [&]() -> R {
        const CallRef found = CallHandles::find(call, what);
        return found ? f(found) : none;
    });
}

void error_clear(pv_call* call) noexcept {
    with(call, "call.error_clear", 0, [](const CallRef& c) {
        c->clear_error();
        return 0;
    });
}

// Of a call that is over nobody waits for anything any more.
std::int32_t cancelled(pv_call* call) noexcept {
    return guarded(std::int32_t{1}, [&]() -> std::int32_t {
        const CallRef found = CallHandles::find(call, "call.cancelled");
        return found ? (found->cancelled() ? 1 : 0) : (found.is_over() ? 1 : 0);
    });
}

std::int64_t deadline_ns(pv_call* call) noexcept {
    return with(call, "call.deadline_ns", std::int64_t{0}, [](const CallRef& c) { return c->deadline_ns; });
}

pv_status on_cancel(pv_call* call, void (*fn)(void*) PV_NOEXCEPT, void* ctx, pv_release_fn release) noexcept {
    if (call == nullptr || fn == nullptr) return misuse(call, "call.on_cancel");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef found = CallHandles::find(call, "call.on_cancel");
        pv_host* host = found && found->instance ? found->instance->host() : nullptr;
        if (host == nullptr) return PV_ORDER;
        auto context = std::make_shared<PluginContext>(ctx, release, host->census.take(Census::callback));
        const auto run = [strand = host->strand, fn, context] {
            strand->run(reinterpret_cast<const void*>(fn), [&] { fn(context->get()); });
        };
        if (found->set_on_cancel(run)) return PV_OK;
        context->disown();
        return PV_ORDER; // one is stored already, or the call is over
    });
}

void complete(pv_call* call, pv_status status) noexcept {
    with(call, "call.complete", 0, [&](const CallRef& c) {
        c->complete(status);
        return 0;
    });
}

std::uint64_t client(pv_call* call) noexcept {
    return with(call, "call.client", std::uint64_t{0}, [](const CallRef& c) { return c->caller().client; });
}
std::int32_t readonly(pv_call* call) noexcept {
    return with(call, "call.readonly", std::int32_t{0}, [](const CallRef& c) { return c->caller().readonly ? 1 : 0; });
}
std::uint32_t nfds(pv_call* call) noexcept {
    return with(call, "call.nfds", std::uint32_t{0},
                [](const CallRef& c) { return static_cast<std::uint32_t>(c->fds_in.size()); });
}
std::int32_t fd(pv_call* call, std::uint32_t index) noexcept {
    return with(call, "call.fd", std::int32_t{-1},
                [&](const CallRef& c) { return index < c->fds_in.size() ? c->fds_in[index].get() : -1; });
}

pv_status add_reply_fd(pv_call* call, std::int32_t number) noexcept {
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        UniqueFd owned(number);
        if (call == nullptr || number < 0) return misuse(call, "call.add_reply_fd");
        const CallRef found = CallHandles::find(call, "call.add_reply_fd");
        if (!found) return PV_GONE;
        return found->add_reply_fd(std::move(owned)) ? PV_OK : PV_BUSY;
    });
}

pv_stream* stream(pv_call* call) noexcept {
    return with(call, "call.stream", static_cast<pv_stream*>(nullptr),
                [](const CallRef& c) { return c->stream ? c->stream->handle() : nullptr; });
}

std::uint64_t id(pv_call* call) noexcept {
    return with(call, "call.id", std::uint64_t{0}, [](const CallRef& c) { return c->id(); });
}

constexpr pv_svc_call kCallTable = {sizeof(pv_svc_call), 0,        error,    error_clear, cancelled,
                                deadline_ns,         on_cancel, complete, client,      readonly,
                                nfds,                fd,        add_reply_fd, stream,  id};

} // namespace

const Service kCallService{PV_SVC_CALL, &kCallTable};

} // namespace polyvirt::plugin
