// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error_text.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {
namespace {

constexpr std::size_t kHoleBytes = kHeadBytes + 12; // i64 length, u32 flags

Error stream_fault(ErrorCode code, const std::string& message) {
    return make_error(code, ErrorDomain::streams, "{}", message);
}

} // namespace

StreamKey Client::key_of(const Header& header) {
    return {.prog = header.prog, .vers = header.vers, .serial = header.serial, .proc = header.proc};
}

Result<std::shared_ptr<Stream>>
Client::open_stream(const Header& call, std::shared_ptr<StreamSink> sink, StreamOptions options) {
    auto stream = std::make_shared<Stream>(shared_from_this(), call, std::move(sink), options);
    ClientLock lock(mu_);
    if (closed_.load(std::memory_order_relaxed))
        return stream_fault(
            ErrorCode::internal_error,
            fmt::format("stream of call {}: the connection has ended", call.serial));
    if (streams_.size() >= limits_.max_streams)
        return stream_fault(ErrorCode::resource_busy,
                            fmt::format("stream of call {}: this connection has {} streams, the "
                                        "limit (max_streams)",
                                        call.serial, streams_.size()));
    if (!streams_.emplace(key_of(call), stream).second)
        return stream_fault(
            ErrorCode::invalid_stream,
            fmt::format("stream of call {}: one with this serial is open already", call.serial));
    return stream;
}

// Null also when the client has finished it: what still comes is dropped.
std::shared_ptr<Stream> Client::find_stream(const Header& header) {
    ClientLock lock(mu_);
    const auto it = streams_.find(key_of(header));
    return it != streams_.end() && it->second->state_ == Stream::State::open ? it->second : nullptr;
}

bool Client::take_out(Stream& stream) {
    std::shared_ptr<Stream> last; // so that none is destroyed under the lock
    ClientLock lock(mu_);
    if (stream.state_ == Stream::State::over)
        return false;
    stream.state_ = Stream::State::over;
    const auto it = streams_.find(key_of(stream.call_));
    if (it != streams_.end() && it->second.get() == &stream) {
        last = std::move(it->second);
        streams_.erase(it);
    }
    return true;
}

void Client::end_stream(std::shared_ptr<Stream> stream, StreamSink::End end,
                        OutputQueue::Chunk last) {
    auto tell = [self = shared_from_this(), stream, end,
                 packet = std::make_shared<OutputQueue::Chunk>(std::move(last))] {
        stream->close_sink(end);
        self->send(std::move(*packet));
    };
    if (!server_->loop.post(tell))
        tell();
    post_update(); // it may have been the one that kept the socket unread
}

void Client::stream_packet(const Header& header, PacketBuffer packet) {
    const auto stream = find_stream(header);
    if (!stream)
        return;
    if (header.type == MsgType::stream_hole)
        return stream_hole(stream, packet);
    switch (header.status) {
    case MsgStatus::continue_:
        return stream_data(stream, std::move(packet));
    case MsgStatus::ok:
        return stream_finish(stream);
    case MsgStatus::error:
        return stream_abort(stream, true);
    default:
        return stream_abort(stream, false);
    }
}

void Client::stream_data(const std::shared_ptr<Stream>& stream, PacketBuffer packet) {
    const std::size_t n = packet.size() - kHeadBytes;
    if (!stream->options_.client_sends || stream->client_data_ended_)
        return stream->fail(stream_fault(
            ErrorCode::operation_invalid,
            fmt::format("stream of call {}: {} bytes of data from the client, {}",
                        stream->call_.serial, n,
                        stream->client_data_ended_ ? "after it had said that there would be no more"
                                                   : "but this stream only goes towards it")));
    if (n == 0) {
        stream->client_data_ended_ = true;
        return stream->sink_->on_end_of_data();
    }
    bool full = false;
    {
        ClientLock lock(mu_);
        stream->waiting_bytes_ += n;
        full = stream->waiting_bytes_ > limits_.stream_upload_bytes;
    }
    const std::span<const std::uint8_t> bytes(packet.data() + kHeadBytes, n);
    stream->sink_->on_data(std::move(packet), bytes);
    if (full)
        update_upload_pause();
}

void Client::stream_hole(const std::shared_ptr<Stream>& stream, const PacketBuffer& packet) {
    if (!stream->options_.sparse)
        return close(fmt::format("it sent a hole on the stream of call {}, which allows none",
                                 stream->call_.serial));
    const std::int64_t length =
        packet.size() >= kHoleBytes
            ? static_cast<std::int64_t>(protocol::load_be64(packet.data() + kHeadBytes))
            : 0;
    const std::uint32_t flags =
        packet.size() >= kHoleBytes ? protocol::load_be32(packet.data() + kHeadBytes + 8) : 0;
    if (length <= 0 || flags != 0 || stream->client_data_ended_ || !stream->options_.client_sends)
        return stream->fail(stream_fault(
            ErrorCode::invalid_arg,
            fmt::format("stream of call {}: a hole of length {}, flags {:#x}; expected a positive "
                        "length and no flags, on a stream that still takes data",
                        stream->call_.serial, length, flags)));
    stream->sink_->on_hole(length);
}

void Client::stream_finish(const std::shared_ptr<Stream>& stream) {
    {
        ClientLock lock(mu_);
        if (stream->state_ != Stream::State::open)
            return;
        stream->state_ = Stream::State::finishing;
    }
    stream->sink_->on_finish();
}

void Client::stream_abort(const std::shared_ptr<Stream>& stream, bool clean) {
    if (!take_out(*stream))
        return;
    OutputQueue::Chunk answer;
    answer.kind = OutputQueue::Kind::event; // a client causes these without limit
    answer.own = clean ? plain_packet(header_for(stream->call_, MsgType::stream, MsgStatus::ok))
                       : stream_error(stream->call_,
                                      stream_fault(ErrorCode::rpc,
                                                   fmt::format("stream of call {}: unknown status",
                                                               stream->call_.serial)));
    end_stream(stream, StreamSink::End::aborted, std::move(answer));
}

bool Client::stream_bytes_sent(const OutputQueue::Chunk& chunk) {
    Stream& stream = *chunk.stream;
    stream.unsent_bytes_ -= chunk.bytes().size();
    return stream.writable_due_ && stream.unsent_bytes_ < limits_.stream_send_bytes;
}

void Client::notify_writable() {
    std::vector<std::shared_ptr<Stream>> due;
    {
        ClientLock lock(mu_);
        for (const auto& [key, stream] : streams_)
            if (stream->writable_due_ && stream->unsent_bytes_ < limits_.stream_send_bytes) {
                stream->writable_due_ = false;
                due.push_back(stream);
            }
    }
    for (const auto& stream : due)
        if (stream->sink_)
            stream->sink_->on_writable();
}

void Client::close_all_streams() {
    std::map<StreamKey, std::shared_ptr<Stream>> left;
    {
        ClientLock lock(mu_);
        left.swap(streams_);
        for (const auto& [key, stream] : left)
            stream->state_ = Stream::State::over;
    }
    for (const auto& [key, stream] : left)
        stream->close_sink(StreamSink::End::client_gone);
}

bool Client::uploads_above(std::size_t bytes) const {
    return std::any_of(streams_.begin(), streams_.end(),
                       [bytes](const auto& entry) { return entry.second->waiting_bytes_ > bytes; });
}

void Client::update_upload_pause() {
    const auto now = loop::Clock::now();
    {
        ClientLock lock(mu_);
        const std::size_t limit = limits_.stream_upload_bytes;
        const bool pause = uploads_above(reading_paused_ ? limit / 2 : limit);
        if (pause == reading_paused_)
            return;
        reading_paused_ = pause;
        upload_progress_ = now;
    }
    keepalive_.suspend(reading_paused_, now);
    update_watch();
    arm_ticker();
}

void Client::break_stalled_uploads(TimePoint now) {
    std::vector<std::shared_ptr<Stream>> stalled;
    {
        ClientLock lock(mu_);
        if (now < upload_progress_ + limits_.stream_stall)
            return;
        upload_progress_ = now;
        for (const auto& [key, stream] : streams_)
            if (stream->waiting_bytes_ > limits_.stream_upload_bytes / 2)
                stalled.push_back(stream);
    }
    for (const auto& stream : stalled)
        stream->fail(stream_fault(ErrorCode::operation_timeout,
                                  fmt::format("stream of call {}: its data was not taken for the "
                                              "longest time allowed (stream_stall)",
                                              stream->call_.serial)));
}

} // namespace polyvirt::rpc
