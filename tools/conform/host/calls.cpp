// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/host/calls.h"

#include <cstring>
#include <unistd.h>

#include "tools/conform/host/services.h"

namespace polyvirt::conform {

namespace {

// An object that a result names has to be there.
void check_handles(const pv_call* call) PV_REQUIRES(g_mu) {
    if (call->op == nullptr || call->out == nullptr) return;
    for (const FieldSpec& f : call->op->out) {
        if (f.type != FieldType::handle) continue;
        std::uint64_t handle = 0;
        std::memcpy(&handle, static_cast<const char*>(call->out) + f.offset, sizeof handle);
        if (handle == 0) continue;
        const ObjectPtr o = find_object(call->host, handle);
        if (!o) complain("ops.ordinary", "{}: succeeded, and `{}` names an object that is not there ({})", call->name(), f.name, handle);
        else if (f.kind != 0 && o->kind != f.kind) complain("ops.ordinary", "{}: `{}` names a {}, not a {}", call->name(), f.name, kind_name(o->kind), kind_name(f.kind));
    }
}

// A plugin knows its own fields only.
void check_tail(const pv_call* call) {
    if (call->op == nullptr || call->out == nullptr) return;
    std::uint32_t size = 0;
    std::memcpy(&size, call->out, sizeof size);
    const char* bytes = static_cast<const char*>(call->out);
    if (size < call->op->out_size) complain("ops.longer", "{}: it changed the size of `out`", call->name());
    for (std::size_t i = call->op->out_size; i < size; ++i)
        if (bytes[i] != 0) return complain("ops.longer", "{}: it wrote beyond the fields of `out` that it can know", call->name());
}

} // namespace

void end_call(pv_call* call, pv_status status) {
    // Whatever it returned, and whether or not it has recorded anything: the host fails it, and says why.
    if (call->refused && status == PV_OK) status = PV_FAIL;
    if (status == PV_OK) check_handles(call);
    check_tail(call);
    call->status = status;
    call->done = true;
    ++world().activity;
    if (status < 0 && call->errors.empty() && !call->refused)
        complain("calls.error", "{}: failed with status {} and recorded no error", call->name(), status);
    if (status == PV_OK && !call->errors.empty())
        complain("calls.error", "{}: succeeded, but recorded error {}: {}", call->name(), call->errors.front().code, call->errors.front().message);
    if (call->cancel_release != nullptr || call->cancel_fn != nullptr) {
        const pv_release_fn release = std::exchange(call->cancel_release, nullptr);
        call->cancel_fn = nullptr;
        if (release != nullptr && !call->cancel_ran) give_task(call->host->own_loop, {.release = release, .ctx = call->cancel_ctx, .what = "release of on_cancel"});
    }
    if (call->stream != nullptr && status < 0 && !call->stream->attached) call->stream->gone = true;
    for (Handle* b : call->builders) b->gone = true;
    for (const int fd : call->fds) ::close(fd);
    for (const int fd : call->reply_fds) ::close(fd);
    call->fds.clear();
    call->reply_fds.clear();
    for (Guarded& m : call->memory) m.forbid();
    for (const ObjectPtr& o : call->pinned) {
        --o->pins;
        release_object(call->host, o);
    }
    call->pinned.clear();
    g_changed.notify_all();
}

void post_cancel(pv_call* call) {
    if (call->cancel_fn == nullptr) return;
    const auto fn = std::exchange(call->cancel_fn, nullptr);
    const pv_release_fn release = std::exchange(call->cancel_release, nullptr);
    call->cancel_ran = true;
    give_task(call->host->own_loop, {.run =
                                         [call, fn] {
                                             {
                                                 const LeafLock lock(g_mu);
                                                 if (call->done || call->completed) return;
                                             }
                                             run_callback(call->host->own_loop, "the function of on_cancel", [&] { fn(call->cancel_ctx); });
                                         },
                                     .release = release, .ctx = call->cancel_ctx, .what = "on_cancel"});
}

void cancel_call(pv_call* call) {
    const LeafLock lock(g_mu);
    call->cancelled = true;
    ++world().activity;
    if (!call->done && !call->completed) post_cancel(call);
}

} // namespace polyvirt::conform
