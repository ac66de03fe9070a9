// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/stream.h"

#include <algorithm>

#include "base/assert.h"
#include "host/rpc/client.h"
#include "host/rpc/error_reply.h"

namespace polyvirt::rpc {
namespace {

Buffer packet_with_room(const Header& call, MsgType type, std::size_t payload) {
    Buffer packet = protocol::begin_packet(header_for(call, type, MsgStatus::continue_), payload);
    packet.resize(kHeadBytes + payload);
    protocol::finish_packet(packet);
    return packet;
}

} // namespace

Stream::Stream(std::shared_ptr<Client> client, const Header& call, std::shared_ptr<StreamSink> sink,
               StreamOptions options)
    : call_(call), options_(options), client_(std::move(client)), sink_(std::move(sink)) {}

Stream::Sent Stream::send_data(std::span<const std::uint8_t> bytes) {
    PV_ASSERT(!bytes.empty() && bytes.size() <= kMaxStreamPayload);
    Buffer packet = protocol::begin_packet(header_for(call_, MsgType::stream, MsgStatus::continue_),
                                           bytes.size());
    packet.insert(packet.end(), bytes.begin(), bytes.end());
    protocol::finish_packet(packet);
    return send_packet(std::move(packet));
}

Stream::Sent Stream::send_hole(std::int64_t length) {
    PV_ASSERT(options_.sparse && length > 0);
    Buffer packet = packet_with_room(call_, MsgType::stream_hole, 12);
    protocol::store_be64(packet.data() + kHeadBytes, static_cast<std::uint64_t>(length));
    return send_packet(std::move(packet)); // flags stay 0
}

Stream::Sent Stream::send_eof() {
    return send_packet(packet_with_room(call_, MsgType::stream, 0));
}

Stream::Sent Stream::send_packet(Buffer packet) {
    const std::size_t size = packet.size();
    {
        ClientLock lock(client_->mu_);
        if (state_ != State::open)
            return Sent::closed;
        unsent_bytes_ += size;
    }
    OutputQueue::Chunk chunk;
    chunk.kind = OutputQueue::Kind::stream;
    chunk.own = std::move(packet);
    chunk.stream = shared_from_this();
    if (!client_->send(std::move(chunk)))
        return Sent::closed;
    ClientLock lock(client_->mu_);
    if (state_ != State::open)
        return Sent::closed;
    if (unsent_bytes_ < client_->limits_.stream_send_bytes)
        return Sent::more;
    writable_due_ = true;
    return Sent::wait;
}

void Stream::finish_ok() {
    {
        ClientLock lock(client_->mu_);
        if (state_ != State::finishing)
            return;
    }
    finish_with(plain_packet(header_for(call_, MsgType::stream, MsgStatus::ok)),
                StreamSink::End::finished);
}

void Stream::fail(const Error& error) {
    finish_with(stream_error(call_, error), StreamSink::End::failed);
}

void Stream::finish_with(Buffer packet, StreamSink::End end) {
    if (!client_->take_out(*this))
        return;
    OutputQueue::Chunk chunk;
    chunk.kind = OutputQueue::Kind::stream;
    chunk.own = std::move(packet);
    client_->end_stream(shared_from_this(), end, std::move(chunk));
}

void Stream::consumed(std::size_t n) {
    bool resume = false;
    {
        ClientLock lock(client_->mu_);
        const std::size_t low = client_->limits_.stream_upload_bytes / 2;
        const std::size_t before = waiting_bytes_;
        waiting_bytes_ -= std::min(n, before);
        client_->upload_progress_ = loop::Clock::now();
        resume = before > low && waiting_bytes_ <= low;
    }
    if (resume)
        client_->post_update();
}

bool Stream::is_open() const {
    ClientLock lock(client_->mu_);
    return state_ != State::over;
}

void Stream::close_sink(StreamSink::End end) {
    if (const auto sink = std::exchange(sink_, nullptr))
        sink->on_closed(end);
}

} // namespace polyvirt::rpc
