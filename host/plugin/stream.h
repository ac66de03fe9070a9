// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Both ends of a client's stream. StreamTransport is the wire's end (dispatch implements it over rpc),
// StreamEndpoint the driver's end (host.stream/1), made by dispatch for a call that opens a stream:
//
//     call->stream = StreamEndpoint::create(transport);  // also makes it the transport's receiver
//     instance->enter(call, op, ...);
//     in finished(): failed  -> call->stream->abandon();
//                    success -> queue the reply, then call->stream->opened();
//
// The endpoint keeps itself alive from the driver's attach until its closed() and release have run.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <polyvirt/abi/stream.h>

#include "base/result.h"

namespace polyvirt::plugin {

class Instance;

// What the transport tells the driver's end. Any thread, one call at a time per stream, no server or
// client lock held. Leaf: takes note, returns at once, never calls the transport back from inside.
class StreamReceiver {
  public:
    virtual ~StreamReceiver() = default;
    // Bytes from the client: returns how many were taken. The transport keeps the rest (and stops reading
    // that client) until resume(), then offers it again.
    virtual std::size_t data(std::span<const std::byte> bytes) = 0;
    // A hole; false: no room now, offer it again after resume().
    virtual bool hole(std::int64_t length) = 0;
    // send() took less than given before, and would take more now.
    virtual void writable() = 0;
    // The client asks to finish, after all its data was taken. Answered by finish() or fail().
    virtual void finish_requested() = 0;
    // Over: the client aborted (PV_STREAM_ABORTED), its connection ended (PV_STREAM_BROKEN), or the
    // transport has sent the answer of finish() or fail(). Exactly once, the last call.
    virtual void closed(std::uint32_t why) = 0;
};

// Any thread, leaf: queues and returns; never calls the receiver on the calling thread. After closed()
// everything is without effect (send() takes nothing).
class StreamTransport {
  public:
    virtual ~StreamTransport() = default;
    // Holds it until it has called closed(), or is given null (an abandoned stream).
    virtual void set_receiver(std::shared_ptr<StreamReceiver> receiver) = 0;
    // Bytes to the client: returns how many were taken; fewer than given: writable() will come.
    virtual std::size_t send(std::span<const std::byte> bytes) = 0;
    // False: not taken, writable() will come. Only where the client allows holes.
    virtual bool send_hole(std::int64_t length) = 0;
    // No more data from here.
    virtual void send_eof() = 0;
    // Confirms the client's finish.
    virtual void finish() = 0;
    // Ends the stream with an error to the client.
    virtual void fail(const Error& error) = 0;
    // The receiver has room again for what data() or hole() left.
    virtual void resume() = 0;
};

// Bytes from the client that one stream holds for its driver.
inline constexpr std::size_t kStreamBuffer = std::size_t{256} * 1024;

class StreamEndpoint : public StreamReceiver, public std::enable_shared_from_this<StreamEndpoint> {
  public:
    static std::shared_ptr<StreamEndpoint> create(std::shared_ptr<StreamTransport> transport);

    // For dispatch: the op has succeeded and its reply is queued; data may flow. An op that succeeded
    // without taking the stream is a bug of the driver: the client gets an error.
    virtual void opened() = 0;
    // For dispatch: the op failed or the client left before. What the driver attached is closed
    // (PV_STREAM_BROKEN) and released.
    virtual void abandon() = 0;
    // What host.call/1 hands to the driver.
    [[nodiscard]] virtual pv_stream* handle() = 0;
};

} // namespace polyvirt::plugin
