// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.call/1

#include <fcntl.h>
#include <unistd.h>

#include "tools/conform/host/calls.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

// A call that is still open, or null with a complaint.
pv_call* open_call(pv_call* call, const Service& service) PV_REQUIRES(g_mu) {
    if (world().handles.valid(call, service) == nullptr) return nullptr;
    if (call->done) {
        complain("calls.over", "{}: {} is over", service.name(), call->name());
        return nullptr;
    }
    return call;
}

void error(pv_call* call, const pv_error* e) noexcept {
    const Service service("call.error");
    const LeafLock lock(g_mu);
    if (open_call(call, service) == nullptr) return;
    if (e == nullptr || e->size < offsetof(pv_error, str1)) {
        complain("services.arguments", "call.error in {}: no error, or one that is too short", call->name());
        return;
    }
    if (e->code <= 0) complain("services.arguments", "call.error in {}: code {} is none of the wire's", call->name(), e->code);
    if (e->message == nullptr || *e->message == '\0') complain("services.arguments", "call.error in {}: code {} without a message", call->name(), e->code);
    call->errors.push_back({e->code, e->message != nullptr ? e->message : ""});
}

void error_clear(pv_call* call) noexcept {
    const Service service("call.error_clear");
    const LeafLock lock(g_mu);
    if (open_call(call, service) != nullptr) call->errors.clear();
}

std::int32_t cancelled(pv_call* call) noexcept {
    const Service service("call.cancelled");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr && call->cancelled ? 1 : 0;
}

std::int64_t deadline_ns(pv_call* call) noexcept {
    const Service service("call.deadline_ns");
    const LeafLock lock(g_mu);
    static_cast<void>(open_call(call, service));
    return 0;
}

pv_status on_cancel(pv_call* call, void (*fn)(void*) PV_NOEXCEPT, void* ctx, pv_release_fn release) noexcept {
    const Service service("call.on_cancel");
    if (service.fails()) return PV_FAIL;
    const LeafLock lock(g_mu);
    // Between complete() on another thread and this there is a race that the plugin cannot see: gone, no fault.
    if (world().handles.valid(call, service) == nullptr || call->done || call->completed) return PV_GONE;
    if (fn == nullptr || call->cancel_fn != nullptr) {
        complain("services.arguments", "call.on_cancel in {}: {}", call->name(), fn == nullptr ? "a null function" : "set twice");
        return PV_FAIL;
    }
    call->cancel_fn = fn;
    call->cancel_ctx = ctx;
    call->cancel_release = release;
    if (call->cancelled) post_cancel(call);
    return PV_OK;
}

void complete(pv_call* call, pv_status status) noexcept {
    const Service service("call.complete");
    const LeafLock lock(g_mu);
    if (world().handles.valid(call, service) == nullptr) return;
    if (call->completed) {
        complain("calls.complete", "{}: completed twice", call->name());
        return;
    }
    if (call->returned && call->status != PV_PENDING) {
        complain("calls.complete", "{}: completed after it had returned {}", call->name(), call->status);
        return;
    }
    if (status == PV_PENDING || status > PV_PENDING || status < PV_ABI)
        complain("calls.complete", "{}: completed with {}, which is no result", call->name(), status);
    call->completed = true;
    if (call->returned) end_call(call, status);
    else call->status = status; // joined when the op returns
    g_changed.notify_all();
}

std::uint64_t client(pv_call* call) noexcept {
    const Service service("call.client");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr ? call->client : 0;
}
std::int32_t readonly(pv_call* call) noexcept {
    const Service service("call.readonly");
    const LeafLock lock(g_mu);
    static_cast<void>(open_call(call, service));
    return 0;
}
std::uint32_t nfds(pv_call* call) noexcept {
    const Service service("call.nfds");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr ? static_cast<std::uint32_t>(call->fds.size()) : 0;
}
std::int32_t fd(pv_call* call, std::uint32_t index) noexcept {
    const Service service("call.fd");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr && index < call->fds.size() ? call->fds[index] : -1;
}
pv_status add_reply_fd(pv_call* call, std::int32_t reply) noexcept {
    const Service service("call.add_reply_fd");
    const int flags = ::fcntl(reply, F_GETFD);
    const LeafLock lock(g_mu);
    if (flags < 0) complain("services.arguments", "call.add_reply_fd in {}: {} is no descriptor", call != nullptr ? call->name() : "?", reply);
    else if ((flags & FD_CLOEXEC) == 0) complain("process.cloexec", "call.add_reply_fd in {}: the descriptor is not CLOEXEC", call->name());
    if (flags < 0 || open_call(call, service) == nullptr || service.fails()) {
        if (flags >= 0) ::close(reply);
        return PV_FAIL;
    }
    call->reply_fds.push_back(reply);
    return PV_OK;
}
pv_stream* stream(pv_call* call) noexcept {
    const Service service("call.stream");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr ? call->stream : nullptr;
}
std::uint64_t id(pv_call* call) noexcept {
    const Service service("call.id");
    const LeafLock lock(g_mu);
    return open_call(call, service) != nullptr ? call->id : 0;
}

} // namespace

void host_error(pv_call* call, std::int32_t code, std::string text) {
    if (call != nullptr && !call->gone && !call->done) call->errors.push_back({code, std::move(text)});
}

const pv_svc_call kCall = {sizeof(pv_svc_call), 0, error, error_clear, cancelled, deadline_ns, on_cancel, complete,
                           client, readonly, nfds, fd, add_reply_fd, stream, id};

} // namespace polyvirt::conform
