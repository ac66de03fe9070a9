// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.stream/1: the client at the other end takes all that it is sent, at times slowly.

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/conform/host/calls.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

constexpr std::size_t kMost = std::size_t{1} << 20; // of one send(), and of what waits for the client
constexpr std::size_t kPatience = 16u << 20;        // then the client aborts

pv_stream* open_stream(pv_stream* stream, const Service& service) PV_REQUIRES(g_mu) {
    return world().handles.valid(stream, service);
}

bool attachable(pv_stream* stream, const Service& service) PV_REQUIRES(g_mu) {
    if (open_stream(stream, service) == nullptr) return false;
    if (stream->attached) complain("services.arguments", "{}: the stream of {} is attached already", service.name(), stream->call->name());
    return !stream->attached;
}

pv_status attach_fd(pv_stream* stream, std::int32_t fd, std::uint32_t directions, pv_loop* loop,
                    void (*closed)(void*, std::uint32_t) PV_NOEXCEPT, void* ctx, pv_release_fn release) noexcept {
    const Service service("stream.attach_fd");
    struct stat st {};
    const bool there = ::fstat(fd, &st) == 0;
    const int flags = ::fcntl(fd, F_GETFD);
    if (!there) complain("services.arguments", "stream.attach_fd: {} is no descriptor", fd);
    else if ((flags & FD_CLOEXEC) == 0) complain("process.cloexec", "stream.attach_fd: the descriptor is not CLOEXEC");
    const LeafLock lock(g_mu);
    const bool file = there && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
    if ((directions & 3U) == 0 || (directions & ~7U) != 0) complain("services.arguments", "stream.attach_fd: directions {}", directions);
    if (!there || file || service.fails() || !attachable(stream, service) || (closed != nullptr && world().handles.valid(loop, service) == nullptr)) {
        if (there) ::close(fd);
        return file ? PV_UNSUPPORTED : PV_FAIL;
    }
    stream->attached = true;
    stream->fd = fd;
    world().own_fds.insert(fd);
    stream->closed_fn = closed;
    stream->loop = loop;
    stream->ctx = ctx;
    stream->release = release;
    return PV_OK;
}

pv_status attach(pv_stream* stream, const pv_stream_ops* ops, pv_loop* loop, void* ctx, pv_release_fn release) noexcept {
    const Service service("stream.attach");
    const LeafLock lock(g_mu);
    if (ops == nullptr || ops->size < offsetof(pv_stream_ops, closed) || ops->finish == nullptr) {
        complain("services.arguments", "stream.attach: no callbacks, or none for finish");
        return PV_ABI;
    }
    if (service.fails() || !attachable(stream, service) || world().handles.valid(loop, service) == nullptr) return PV_FAIL;
    stream->attached = true;
    std::memcpy(&stream->ops, ops, std::min<std::size_t>(ops->size, sizeof stream->ops));
    stream->loop = loop;
    stream->ctx = ctx;
    stream->release = release;
    return PV_OK;
}

void post_to(pv_stream* s, const char* what, std::function<void()> call) PV_REQUIRES(g_mu) {
    give_task(s->loop, {.run = [s, what, call = std::move(call)] {
                            {
                                const LeafLock lock(g_mu);
                                if (s->over) return;
                            }
                            run_callback(s->loop, what, call);
                        },
                        .what = what});
}

pv_status send(pv_stream* stream, const void* bytes, std::size_t length) noexcept {
    const Service service("stream.send");
    if (service.fails()) return PV_GONE;
    const LeafLock lock(g_mu);
    if (stream != nullptr && stream->over && !stream->gone) return PV_GONE;
    if (open_stream(stream, service) == nullptr) return PV_GONE;
    if ((bytes == nullptr && length > 0) || length > kMost) {
        complain("services.arguments", "stream.send: {} bytes{}", length, bytes == nullptr ? ", null" : "");
        return PV_ABI;
    }
    if (stream->pending_data + length > kMost) { // the client reads it all, and then more is welcome
        stream->pending_data = 0;
        if (stream->received > kPatience) end_stream(stream, PV_STREAM_ABORTED);
        else if (stream->ops.writable != nullptr && stream->loop != nullptr)
            post_to(stream, "writable", [stream] { stream->ops.writable(stream->ctx); });
        return PV_BUSY;
    }
    stream->pending_data += length;
    stream->received += length;
    ++world().activity;
    return PV_OK;
}
pv_status send_hole(pv_stream* stream, std::int64_t length) noexcept {
    const Service service("stream.send_hole");
    const LeafLock lock(g_mu);
    if (length < 0) complain("services.arguments", "stream.send_hole: {} bytes", length);
    return open_stream(stream, service) != nullptr ? PV_OK : PV_GONE;
}
pv_status send_eof(pv_stream* stream) noexcept {
    const Service service("stream.send_eof");
    const LeafLock lock(g_mu);
    if (open_stream(stream, service) == nullptr) return PV_GONE;
    if (stream->attached && stream->ops.finish != nullptr)
        post_to(stream, "finish", [stream] { stream->ops.finish(stream->ctx); });
    return PV_OK;
}
void resume(pv_stream* stream) noexcept {
    const Service service("stream.resume");
    const LeafLock lock(g_mu);
    if (stream != nullptr && stream->over && !stream->gone) return;
    static_cast<void>(open_stream(stream, service));
}
void finish(pv_stream* stream) noexcept {
    const Service service("stream.finish");
    const LeafLock lock(g_mu);
    if (stream != nullptr && stream->over && !stream->gone) return;
    if (open_stream(stream, service) != nullptr) end_stream(stream, PV_STREAM_FINISHED);
}
pv_status progress(pv_stream* stream, std::uint64_t* moved, std::int32_t* waits) noexcept {
    const Service service("stream.progress");
    const LeafLock lock(g_mu);
    if (stream != nullptr && stream->over && !stream->gone) return PV_GONE;
    if (open_stream(stream, service) == nullptr) return PV_GONE;
    if (moved == nullptr || waits == nullptr) {
        complain("services.arguments", "stream.progress: null");
        return PV_ABI;
    }
    if (stream->fd < 0) return PV_ORDER;
    *moved = 0; // the client neither sends nor takes
    *waits = 0;
    return PV_OK;
}
void fail(pv_stream* stream, const pv_error* error) noexcept {
    const Service service("stream.fail");
    const LeafLock lock(g_mu);
    if (stream != nullptr && stream->over && !stream->gone) return;
    if (error == nullptr || error->message == nullptr) complain("services.arguments", "stream.fail: no error");
    if (open_stream(stream, service) != nullptr) end_stream(stream, PV_STREAM_BROKEN);
}

} // namespace

// closed() is the last callback; after it the plugin must not touch the stream, which is told by its being gone.
void end_stream(pv_stream* stream, std::uint32_t why) {
    if (stream->over) return;
    stream->over = true;
    ++world().activity;
    if (stream->fd >= 0) {
        world().own_fds.erase(stream->fd);
        ::close(stream->fd);
        stream->fd = -1;
    }
    if (stream->loop == nullptr || !stream->attached) {
        stream->gone = true;
        return;
    }
    give_task(stream->loop, {.run =
                                 [stream, why] {
                                     if (stream->ops.closed != nullptr) run_callback(stream->loop, "closed", [&] { stream->ops.closed(stream->ctx, why); });
                                     if (stream->closed_fn != nullptr) run_callback(stream->loop, "closed", [&] { stream->closed_fn(stream->ctx, why); });
                                     const LeafLock lock(g_mu);
                                     stream->gone = true;
                                 },
                             .release = stream->release, .ctx = stream->ctx, .what = "release of a stream"});
}

pv_stream* new_stream(pv_call* call, std::uint32_t directions) {
    pv_stream* s = world().handles.add(std::make_unique<pv_stream>(), "stream");
    s->call = call;
    s->directions = directions;
    return s;
}

void talk(pv_stream* stream, bool finish) {
    const LeafLock lock(g_mu);
    if (!stream->attached || stream->over) return;
    if (stream->loop == nullptr || stream->ops.finish == nullptr) return end_stream(stream, PV_STREAM_ABORTED);
    static const char bytes[1000] = {};
    if (!finish && (stream->directions & PV_STREAM_FROM_CLIENT) != 0 && stream->ops.data != nullptr) {
        post_to(stream, "data", [stream] {
            const std::size_t n = stream->ops.data(stream->ctx, bytes, sizeof bytes);
            if (n > sizeof bytes) complain("services.arguments", "data() of the stream of {} took {} of {} bytes", stream->call->name(), n, sizeof bytes);
        });
    }
    if (!finish && (stream->directions & PV_STREAM_TO_CLIENT) != 0 && stream->ops.writable != nullptr)
        post_to(stream, "writable", [stream] { stream->ops.writable(stream->ctx); });
    if (finish) post_to(stream, "finish", [stream] { stream->ops.finish(stream->ctx); });
}

const pv_svc_stream kStream = {sizeof(pv_svc_stream), 0, attach_fd, attach, send, send_hole, send_eof, resume, finish, fail, progress};

} // namespace polyvirt::conform
