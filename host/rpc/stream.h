// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Stream: a flow of bytes and holes that belongs to one call (framing.md, streams). Opened by the
// call's handler with Client::open_stream() before it replies; packets of the client reach the
// sink, the handler sends through the Stream.
//
//     auto stream = client->open_stream(message.header, sink, options);
//     client->reply(...);
//     while (stream->send_data(next_piece()) == Stream::Sent::more) {}   // goes on in
//     on_writable()

#include <compare>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/sync.h"
#include "host/rpc/message.h"

namespace polyvirt::rpc {

// Which call a packet's stream belongs to.
struct StreamKey {
    std::uint32_t prog, vers, serial;
    std::int32_t proc;
    auto operator<=>(const StreamKey&) const = default;
};

// Where the client's packets of one stream go. All methods run on rpc-loop, never two at once, with
// no lock held; none may block or throw. After on_closed() nothing more is called and the sink is
// released.
class StreamSink {
  public:
    virtual ~StreamSink() = default;
    // `bytes` lie in `packet`, which the sink may keep. They count as waiting until
    // Stream::consumed() is told of them.
    virtual void on_data(PacketBuffer packet, std::span<const std::uint8_t> bytes) = 0;
    virtual void on_hole(std::int64_t length) = 0;
    // An empty data packet: the client sends no more data.
    virtual void on_end_of_data() = 0;
    // The client is done and waits: answer with finish_ok() or fail(), from any thread.
    virtual void on_finish() = 0;
    // What was held back may go on: after send_data() or send_hole() returned `wait`.
    virtual void on_writable() = 0;
    enum class End { finished, failed, aborted, client_gone };
    // The last call. aborted: by the client, who has been answered. failed: fail() was called, by
    // the sink's owner or by rpc itself (see limits.h, stream_stall).
    virtual void on_closed(End end) = 0;
};

struct StreamOptions {
    bool client_sends = false; // data of the client is accepted; otherwise it breaks the stream
    bool sparse = false;       // holes may be sent; otherwise a hole of the client cuts it off
};

class Stream : public std::enable_shared_from_this<Stream> {
  public:
    enum class Sent {
        more,   // taken, and more is welcome
        wait,   // taken; wait for on_writable()
        closed, // not taken: the stream is over
    };

    // All: any thread; no client or server lock held. After finish_ok, fail or the client's end
    // they have no effect.
    // At most kMaxStreamPayload bytes, at least one; the bytes are copied.
    Sent send_data(std::span<const std::uint8_t> bytes);
    Sent send_hole(std::int64_t length);
    // Ends the data towards the client; the stream stays open for its finish.
    Sent send_eof();
    // Answers on_finish().
    void finish_ok();
    // The stream broke: tells the client, with all of the error's fields.
    void fail(const Error& error);
    // `n` bytes given to on_data have left the sink's hands.
    void consumed(std::size_t n);

    [[nodiscard]] bool is_open() const;
    [[nodiscard]] const Header& call() const { return call_; }

    // For Client::open_stream().
    Stream(std::shared_ptr<Client> client, const Header& call, std::shared_ptr<StreamSink> sink,
           StreamOptions options);

  private:
    friend class Client;
    Sent send_packet(Buffer packet);
    void finish_with(Buffer packet, StreamSink::End end);
    void close_sink(StreamSink::End end); // rpc-loop
    const Header call_;
    const StreamOptions options_;
    const std::shared_ptr<Client> client_; // the client drops the stream when it is over
    // Everything below is guarded by the client's lock, except where it says rpc-loop.
    enum class State { open, finishing, over };
    State state_ = State::open;
    bool client_data_ended_ = false; // rpc-loop
    bool writable_due_ = false;
    std::size_t waiting_bytes_ = 0; // for the sink
    std::size_t unsent_bytes_ = 0;
    std::shared_ptr<StreamSink> sink_; // rpc-loop
};

} // namespace polyvirt::rpc
