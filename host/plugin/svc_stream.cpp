// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.stream/1
#include <polyvirt/abi/stream.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"
#include "host/plugin/stream_endpoint.h"

namespace polyvirt::plugin {
namespace {

constexpr std::uint32_t kMinStreamError = offsetof(pv_error, message) + sizeof(const char*);

pv_status attach_fd(pv_stream* stream, std::int32_t fd, std::uint32_t directions, pv_loop* loop,
                    void (*closed)(void*, std::uint32_t) PV_NOEXCEPT, void* ctx, pv_release_fn release) noexcept {
    constexpr std::uint32_t kBoth = PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        UniqueFd owned(fd);
        struct stat st {};
        if (stream == nullptr || loop == nullptr || directions == 0 || (directions & ~(kBoth | PV_STREAM_FRAMES)) != 0) return PV_ABI;
        if ((directions & kBoth) == 0) return PV_ABI;
        if (::fstat(fd, &st) != 0) return PV_ABI;
        if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode)) {
            log::error("plugin", "{}: a file or disk cannot be pumped by the loop; attach() callbacks and a job can",
                       loop->host->plugin_id);
            return PV_UNSUPPORTED;
        }
        const int flags = ::fcntl(fd, F_GETFL);
        if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return PV_FAIL;
        Census& census = loop->host->census;
        auto context = std::make_unique<PluginContext>(ctx, release, census.take(Census::callback));
        PluginContext* const borrowed = context.get();
        const auto make = (directions & PV_STREAM_FRAMES) != 0 ? make_frame_driver : make_fd_driver;
        auto driver = make(*stream->endpoint, std::move(owned), directions, loop->strand, closed, std::move(context));
        const pv_status status = stream->endpoint->attach(loop->strand, driver, census.take(Census::stream));
        if (status != PV_OK) borrowed->disown();
        return status;
    });
}

pv_status attach(pv_stream* stream, const pv_stream_ops* ops, pv_loop* loop, void* ctx,
                 pv_release_fn release) noexcept {
    if (stream == nullptr || loop == nullptr || !PV_HAS(ops, pv_stream_ops, finish)) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        pv_stream_ops ours{};
        std::memcpy(&ours, ops, std::min<std::size_t>(ops->size, sizeof(ours)));
        Census& census = loop->host->census;
        auto context = std::make_unique<PluginContext>(ctx, release, census.take(Census::callback));
        PluginContext* const borrowed = context.get();
        auto driver = make_callback_driver(ours, loop->strand, std::move(context));
        const pv_status status = stream->endpoint->attach(loop->strand, driver, census.take(Census::stream));
        if (status != PV_OK) borrowed->disown();
        return status;
    });
}

pv_status send(pv_stream* stream, const void* bytes, std::size_t length) noexcept {
    if (stream == nullptr || (bytes == nullptr && length != 0)) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&] {
        return stream->endpoint->send(std::span(static_cast<const std::byte*>(bytes), length));
    });
}

pv_status send_hole(pv_stream* stream, std::int64_t length) noexcept {
    if (stream == nullptr || length <= 0) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&] { return stream->endpoint->send_hole(length); });
}

pv_status send_eof(pv_stream* stream) noexcept {
    if (stream == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&] { return stream->endpoint->send_eof(); });
}

void resume(pv_stream* stream) noexcept {
    if (stream == nullptr) return;
    guarded(0, [&] {
        stream->endpoint->resume();
        return 0;
    });
}

void finish(pv_stream* stream) noexcept {
    if (stream == nullptr) return;
    guarded(0, [&] {
        stream->endpoint->finish();
        return 0;
    });
}

void fail_stream(pv_stream* stream, const pv_error* e) noexcept {
    if (stream == nullptr) return;
    guarded(0, [&] {
        Error error;
        error.message = "the driver ended the stream";
        if (e != nullptr && e->size >= kMinStreamError && e->message != nullptr && e->message[0] != '\0') {
            error.code = static_cast<ErrorCode>(e->code);
            error.domain = static_cast<ErrorDomain>(e->domain);
            error.message = e->message;
        }
        stream->endpoint->fail(std::move(error));
        return 0;
    });
}

pv_status progress(pv_stream* stream, std::uint64_t* moved, std::int32_t* waits) noexcept {
    if (stream == nullptr || moved == nullptr || waits == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&] {
        StreamProgress now;
        const pv_status status = stream->endpoint->progress(now);
        *moved = now.moved;
        *waits = now.waits ? 1 : 0;
        return status;
    });
}

constexpr pv_svc_stream kStreamTable = {sizeof(pv_svc_stream), 0,      attach_fd, attach, send, send_hole,
                                  send_eof,              resume, finish,    fail_stream, progress};

} // namespace

const Service kStreamService{PV_SVC_STREAM, &kStreamTable};

} // namespace polyvirt::plugin
