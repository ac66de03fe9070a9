// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// ClientStream: the stream of an op that opens one (pv_svc_call.stream), with callbacks of an object of the driver's.
//
//     auto upload = std::make_shared<Upload>(...);     // a StreamPeer
//     if (!plugin::ClientStream(s, call).attach(loop, upload)) return ...;
//
// The object is kept until closed() has returned. All callbacks: on the loop given to attach().

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include <polyvirt/loop.h>

namespace polyvirt::plugin {

// The driver's end.
class StreamPeer {
  public:
    virtual ~StreamPeer() = default;
    // Bytes from the client; the number taken. Fewer: resume() when more is wanted.
    virtual std::size_t data(std::span<const std::byte> /*bytes*/) { return 0; }
    // A hole from the client; false breaks the stream.
    virtual bool hole(std::int64_t /*length*/) { return false; }
    // What send() refused would be taken now.
    virtual void writable() {}
    // The client asks to finish: answer with ClientStream::finish() or fail().
    virtual void finish() = 0;
    // Over: PV_STREAM_*. The last one.
    virtual void closed(std::uint32_t /*why*/) {}
};

// A view: does not own the stream. Every function: any thread, leaf.
class ClientStream {
  public:
    ClientStream() = default;
    ClientStream(const Services& s, pv_call* call) : svc_(s.stream), stream_(s.call->stream(call)) {}
    explicit operator bool() const { return stream_ != nullptr; }
    [[nodiscard]] pv_stream* get() const { return stream_; }

    // Before the op succeeds. False: the host refuses; the peer is dropped.
    bool attach(const Loop& loop, std::shared_ptr<StreamPeer> peer) const {
        if (stream_ == nullptr) return false;
        auto ctx = std::make_unique<Peer>(std::move(peer));
        if (svc_->attach(stream_, &kOps, loop.get(), ctx.get(), &drop) != PV_OK) return false;
        (void)ctx.release();
        return true;
    }
    // The host copies between `fd` (its own from here on) and the client.
    bool attach_fd(int fd, std::uint32_t directions, const Loop& loop) const {
        return svc_->attach_fd(stream_, fd, directions, loop.get(), nullptr, nullptr, nullptr) == PV_OK;
    }
    // Hosts of before ABI 0.3 know neither PV_STREAM_FRAMES nor progress().
    [[nodiscard]] bool knows_frames() const { return svc_->progress != nullptr; }
    // The same, told of its end on `loop`.
    bool attach_fd(int fd, std::uint32_t directions, const Loop& loop, std::function<void(std::uint32_t why)> closed) const {
        auto ctx = std::make_unique<ClosedFn>(std::move(closed));
        if (svc_->attach_fd(stream_, fd, directions, loop.get(), &on_fd_closed, ctx.get(), &drop_closed) != PV_OK) return false;
        (void)ctx.release();
        return true;
    }
    // How the copying of attach_fd() goes on; none: it is over.
    struct Progress {
        std::uint64_t moved = 0; // bytes through the descriptor
        bool waits = false;      // for the descriptor's other end
    };
    [[nodiscard]] std::optional<Progress> progress() const {
        std::uint64_t moved = 0;
        std::int32_t waits = 0;
        if (svc_->progress == nullptr || svc_->progress(stream_, &moved, &waits) != PV_OK) return std::nullopt;
        return Progress{moved, waits != 0};
    }
    // PV_OK: all was taken; PV_BUSY: nothing, wait for writable(); PV_GONE: over.
    [[nodiscard]] pv_status send(std::span<const std::byte> bytes) const {
        return svc_->send(stream_, bytes.data(), bytes.size());
    }
    [[nodiscard]] pv_status send_hole(std::int64_t length) const { return svc_->send_hole(stream_, length); }
    void send_eof() const { svc_->send_eof(stream_); }
    void resume() const { svc_->resume(stream_); }
    void finish() const { svc_->finish(stream_); }
    void fail(const Error& error) const {
        with_abi_error(error, [&](const pv_error& e) { svc_->fail(stream_, &e); });
    }

  private:
    using Peer = std::shared_ptr<StreamPeer>;
    using ClosedFn = std::function<void(std::uint32_t why)>;
    static void on_fd_closed(void* ctx, std::uint32_t why) noexcept {
        guarded("stream", [&] { (*static_cast<ClosedFn*>(ctx))(why); });
    }
    static void drop_closed(void* ctx) noexcept { delete static_cast<ClosedFn*>(ctx); }
    static StreamPeer& of(void* ctx) { return **static_cast<Peer*>(ctx); }
    static void drop(void* ctx) noexcept { delete static_cast<Peer*>(ctx); }
    static std::size_t on_data(void* ctx, const void* bytes, std::size_t length) noexcept {
        std::size_t taken = 0;
        guarded("stream", [&] { taken = of(ctx).data({static_cast<const std::byte*>(bytes), length}); });
        return taken;
    }
    static pv_status on_hole(void* ctx, std::int64_t length) noexcept {
        bool good = false;
        guarded("stream", [&] { good = of(ctx).hole(length); });
        return good ? PV_OK : PV_FAIL;
    }
    static void on_writable(void* ctx) noexcept {
        guarded("stream", [&] { of(ctx).writable(); });
    }
    static void on_finish(void* ctx) noexcept {
        guarded("stream", [&] { of(ctx).finish(); });
    }
    static void on_closed(void* ctx, std::uint32_t why) noexcept {
        guarded("stream", [&] { of(ctx).closed(why); });
    }
    static constexpr pv_stream_ops kOps{sizeof(pv_stream_ops), 0, on_data, on_hole, on_writable, on_finish, on_closed};

    const pv_svc_stream* svc_ = nullptr;
    pv_stream* stream_ = nullptr;
};

} // namespace polyvirt::plugin
