// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/stream.h"

#include <thread>

#include "base/error_text.h"
#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

constexpr std::int32_t kOpen = 210;
constexpr std::uint32_t kSerial = 8;

class RecordingSink : public StreamSink {
  public:
    explicit RecordingSink(Board& board) : board_(board) {}
    void on_data(PacketBuffer packet, std::span<const std::uint8_t> bytes) override {
        EXPECT_GE(bytes.data(), packet.data());
        board_.change([&] {
            data += text_of(bytes);
            ++packets;
        });
    }
    void on_hole(std::int64_t length) override {
        board_.change([&] { holes.push_back(length); });
    }
    void on_end_of_data() override {
        board_.change([&] { ended = true; });
    }
    void on_finish() override {
        board_.change([&] { finished = true; });
    }
    void on_writable() override {
        board_.change([&] { ++writable; });
    }
    void on_closed(End how) override {
        board_.change([&] {
            EXPECT_FALSE(end) << "closed twice";
            end = how;
        });
    }

    std::string data;
    unsigned packets = 0, writable = 0;
    std::vector<std::int64_t> holes;
    bool ended = false, finished = false;
    std::optional<End> end;

  private:
    Board& board_;
};

class StreamTest : public RpcTest {
  protected:
    // A connection with one open stream.
    Peer open(StreamOptions options, const Limits& limits = {}) {
        sink_ = std::make_shared<RecordingSink>(board_);
        handler_.answer = [this, options](const std::shared_ptr<Client>& client, Message message) {
            if (message.header.proc == kOpen) {
                auto stream = client->open_stream(message.header, sink_, options);
                EXPECT_TRUE(stream);
                board_.change([&] { stream_ = *stream; });
            }
            TestHandler::echo(client, std::move(message));
        };
        start(limits);
        Peer peer = connect();
        peer.send_call(kOpen, kSerial);
        EXPECT_EQ(peer.receive()->header.type, MsgType::reply);
        return peer;
    }
    static Header stream_header(MsgStatus status, MsgType type = MsgType::stream) {
        return header_for(call_header(kOpen, kSerial), type, status);
    }
    static Buffer data_packet(std::string_view bytes) {
        return make_packet(stream_header(MsgStatus::continue_), bytes);
    }
    static Buffer hole_packet(std::int64_t length, std::uint32_t flags = 0) {
        Buffer body(12);
        protocol::store_be64(body.data(), static_cast<std::uint64_t>(length));
        protocol::store_be32(body.data() + 8, flags);
        return make_packet(stream_header(MsgStatus::continue_, MsgType::stream_hole),
                           text_of(body));
    }
    static std::span<const std::uint8_t> bytes_of(std::string_view text) {
        return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    }
    [[nodiscard]] bool wait_end(StreamSink::End end) {
        return board_.wait([&] { return sink_->end.has_value(); }) &&
               board_.look([&] { return *sink_->end == end; });
    }
    // What the peer gets next is a packet of the stream of this status.
    static testing::AssertionResult next_is(Peer& peer, MsgStatus status) {
        const auto r = peer.receive();
        if (!r)
            return testing::AssertionFailure() << "the connection ended";
        if (r->header == stream_header(status))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "type " << static_cast<int>(r->header.type)
                                           << " status " << static_cast<int>(r->header.status);
    }
    [[nodiscard]] bool still_serves(Peer& peer) {
        peer.send_call(2, 1234);
        const auto r = peer.receive();
        return r && r->header.serial == 1234;
    }

    Board board_;
    std::shared_ptr<RecordingSink> sink_;
    std::shared_ptr<Stream> stream_;
};

TEST_F(StreamTest, an_upload_reaches_the_sink_and_its_finish_is_answered) {
    Peer peer = open({.client_sends = true});
    peer.send(data_packet("12345"));
    peer.send(data_packet("678"));
    peer.send(make_packet(stream_header(MsgStatus::ok)));
    ASSERT_TRUE(board_.wait([&] { return sink_->finished; }));
    EXPECT_EQ(sink_->data, "12345678");
    EXPECT_FALSE(sink_->end);
    stream_->finish_ok();
    EXPECT_TRUE(next_is(peer, MsgStatus::ok));
    EXPECT_TRUE(wait_end(StreamSink::End::finished));
    EXPECT_FALSE(stream_->is_open());
    EXPECT_TRUE(still_serves(peer));
}

TEST_F(StreamTest, a_finish_may_be_answered_with_an_error) {
    Peer peer = open({.client_sends = true});
    peer.send(make_packet(stream_header(MsgStatus::ok)));
    ASSERT_TRUE(board_.wait([&] { return sink_->finished; }));
    stream_->fail(make_error_text(ErrorCode::write_failed, ErrorDomain::streams, "disk full"));
    const auto r = peer.receive();
    ASSERT_TRUE(r);
    EXPECT_EQ(r->header, stream_header(MsgStatus::error));
    EXPECT_THAT(r->payload, testing::HasSubstr("disk full"));
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
}

TEST_F(StreamTest, an_empty_packet_ends_the_clients_data_and_later_data_breaks_it) {
    Peer peer = open({.client_sends = true});
    peer.send(data_packet(""));
    ASSERT_TRUE(board_.wait([&] { return sink_->ended; }));
    peer.send(data_packet("late"));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
    EXPECT_EQ(sink_->data, "");
}

TEST_F(StreamTest, an_abort_is_answered_with_ok_and_what_follows_is_dropped) {
    Peer peer = open({.client_sends = true});
    peer.send(make_packet(stream_header(MsgStatus::error)));
    peer.send(data_packet("too late"));
    EXPECT_TRUE(next_is(peer, MsgStatus::ok));
    EXPECT_TRUE(wait_end(StreamSink::End::aborted));
    EXPECT_TRUE(still_serves(peer));
    EXPECT_EQ(sink_->data, "");
    EXPECT_EQ(stream_->send_data(bytes_of("x")), Stream::Sent::closed);
    stream_->finish_ok();
    stream_->fail(Error{});
    EXPECT_TRUE(still_serves(peer));
}

TEST_F(StreamTest, an_unknown_status_aborts_with_an_error) {
    Peer peer = open({.client_sends = true});
    peer.send(make_packet(stream_header(static_cast<MsgStatus>(17))));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    EXPECT_TRUE(wait_end(StreamSink::End::aborted));
}

TEST_F(StreamTest, data_for_a_stream_that_only_sends_breaks_it) {
    Peer peer = open({.client_sends = false});
    peer.send(data_packet("?"));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
}

TEST_F(StreamTest, packets_of_other_streams_are_dropped) {
    Peer peer = open({.client_sends = true});
    for (int which = 0; which < 4; ++which) {
        Header other = stream_header(MsgStatus::continue_);
        if (which == 0)
            other.prog = 1;
        if (which == 1)
            other.vers = 2;
        if (which == 2)
            other.proc = 211;
        if (which == 3)
            other.serial = 9;
        peer.send(make_packet(other, "stray"));
    }
    EXPECT_TRUE(still_serves(peer));
    EXPECT_EQ(sink_->data, "");
    EXPECT_TRUE(stream_->is_open());
}

TEST_F(StreamTest, a_download_is_data_then_the_end_then_the_clients_finish) {
    Peer peer = open({});
    EXPECT_EQ(stream_->send_data(bytes_of("hello")), Stream::Sent::more);
    EXPECT_EQ(stream_->send_eof(), Stream::Sent::more);
    const auto data = peer.receive();
    ASSERT_TRUE(data);
    EXPECT_EQ(data->header, stream_header(MsgStatus::continue_));
    EXPECT_EQ(data->payload, "hello"); // 5 bytes: stream data is not padded
    EXPECT_EQ(peer.receive()->payload, "");
    peer.send(make_packet(stream_header(MsgStatus::ok)));
    ASSERT_TRUE(board_.wait([&] { return sink_->finished; }));
    stream_->finish_ok();
    EXPECT_TRUE(next_is(peer, MsgStatus::ok));
}

TEST_F(StreamTest, holes_pass_both_ways_where_they_are_allowed) {
    Peer peer = open({.client_sends = true, .sparse = true});
    constexpr std::int64_t kLong = std::int64_t{5} << 40;
    peer.send(hole_packet(kLong));
    ASSERT_TRUE(board_.wait([&] { return !sink_->holes.empty(); }));
    EXPECT_EQ(sink_->holes[0], kLong);
    EXPECT_EQ(stream_->send_hole(kLong + 1), Stream::Sent::more);
    const auto hole = peer.receive();
    ASSERT_TRUE(hole);
    EXPECT_EQ(hole->header, stream_header(MsgStatus::continue_, MsgType::stream_hole));
    ASSERT_EQ(hole->payload.size(), 12U);
    EXPECT_EQ(protocol::load_be64(reinterpret_cast<const std::uint8_t*>(hole->payload.data())),
              static_cast<std::uint64_t>(kLong + 1));
    EXPECT_EQ(hole->payload.substr(8), std::string(4, '\0'));
}

TEST_F(StreamTest, a_bad_hole_breaks_the_stream_and_not_the_connection) {
    Peer peer = open({.client_sends = true, .sparse = true});
    peer.send(hole_packet(-5));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
    EXPECT_TRUE(still_serves(peer));
}

TEST_F(StreamTest, a_hole_with_flags_breaks_the_stream) {
    Peer peer = open({.client_sends = true, .sparse = true});
    peer.send(hole_packet(5, 7));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
}

TEST_F(StreamTest, a_hole_cut_short_breaks_the_stream) {
    Peer peer = open({.client_sends = true, .sparse = true});
    peer.send(make_packet(stream_header(MsgStatus::continue_, MsgType::stream_hole), "four"));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
}

TEST_F(StreamTest, a_hole_where_none_is_allowed_ends_the_connection) {
    Peer peer = open({.client_sends = true});
    peer.send(hole_packet(5));
    EXPECT_TRUE(peer.receive_end());
    EXPECT_TRUE(wait_end(StreamSink::End::client_gone));
}

TEST_F(StreamTest, a_sender_is_held_back_until_the_client_reads) {
    Peer peer = open({});
    const std::string piece(kMaxStreamPayload, 'd');
    std::size_t sent = 1;
    while (stream_->send_data(bytes_of(piece)) == Stream::Sent::more)
        ASSERT_LT(++sent, 1000U);
    EXPECT_EQ(sink_->writable, 0U);
    EXPECT_LE(last_client()->stats().unsent_bytes, 2 * kMaxStreamPayload);
    for (std::size_t i = 0; i < sent; ++i)
        EXPECT_EQ(peer.receive()->payload.size(), piece.size());
    EXPECT_TRUE(board_.wait([&] { return sink_->writable == 1; }));
}

TEST_F(StreamTest, an_upload_nobody_consumes_stops_the_reading_until_half_is_consumed) {
    Peer peer = open({.client_sends = true}, {.stream_upload_bytes = 100'000});
    const std::string piece(60'000, 'u');
    peer.send(data_packet(piece));
    peer.send(data_packet(piece)); // over the limit now
    ASSERT_TRUE(board_.wait([&] { return sink_->packets == 2; }));
    Buffer endless;
    for (int i = 0; i < 200; ++i) {
        const Buffer packet = data_packet(piece);
        endless.insert(endless.end(), packet.begin(), packet.end());
    }
    const std::size_t fits = peer.send_what_fits(endless);
    EXPECT_LT(fits, endless.size());
    on_loop([] {});
    EXPECT_EQ(board_.look([&] { return sink_->packets; }), 2U);
    stream_->consumed(60'000); // 60,000 are left: more than half
    on_loop([] {});
    on_loop([] {});
    EXPECT_EQ(board_.look([&] { return sink_->packets; }), 2U);
    stream_->consumed(60'000);
    EXPECT_TRUE(board_.wait([&] { return sink_->packets > 2; }));
}

TEST_F(StreamTest, calls_and_streams_share_the_connection_while_uploads_flow) {
    Peer peer = open({.client_sends = true});
    for (int i = 0; i < 50; ++i) {
        peer.send(data_packet(std::string(10'000, 'u')));
        peer.send_call(2, static_cast<std::uint32_t>(100 + i));
        EXPECT_EQ(peer.receive()->header.serial, 100U + static_cast<unsigned>(i));
        stream_->consumed(10'000);
    }
    EXPECT_TRUE(board_.wait([&] { return sink_->packets == 50; }));
}

TEST_F(StreamTest, an_upload_that_stalls_is_broken_and_the_connection_lives) {
    Peer peer = open({.client_sends = true},
                     {.stream_upload_bytes = 1000, .stream_stall = std::chrono::milliseconds(30)});
    peer.send(data_packet(std::string(2000, 'u')));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
    EXPECT_TRUE(still_serves(peer));
}

TEST_F(StreamTest, while_the_reading_is_stopped_the_client_still_hears_pings) {
    Peer peer = open({.client_sends = true}, {.stream_upload_bytes = 1000,
                                              .keepalive_interval = std::chrono::milliseconds(20),
                                              .keepalive_count = 2});
    last_client()->enable_keepalive();
    peer.send(data_packet(std::string(2000, 'u')));
    ASSERT_TRUE(board_.wait([&] { return sink_->packets == 1; }));
    for (int i = 0; i < 8; ++i) { // far more than the silence it would be granted otherwise
        const auto ping = peer.receive();
        ASSERT_TRUE(ping);
        EXPECT_EQ(ping->header.prog, kKeepalive);
    }
    EXPECT_FALSE(last_client()->is_closed());
}

TEST_F(StreamTest, a_client_that_leaves_while_it_is_not_read_is_noticed) {
    Peer peer = open({.client_sends = true}, {.stream_upload_bytes = 1000});
    peer.send(data_packet(std::string(2000, 'u')));
    ASSERT_TRUE(board_.wait([&] { return sink_->packets == 1; }));
    peer.leave();
    EXPECT_TRUE(wait_end(StreamSink::End::client_gone));
    EXPECT_TRUE(wait_gone(1));
}

TEST_F(StreamTest, a_client_that_leaves_closes_its_streams_before_it_is_gone) {
    Peer peer = open({.client_sends = true});
    peer.leave();
    ASSERT_TRUE(wait_gone(1));
    EXPECT_EQ(board_.look([&] { return sink_->end; }), StreamSink::End::client_gone);
    EXPECT_EQ(stream_->send_data(bytes_of("x")), Stream::Sent::closed);
    stream_.reset();
    EXPECT_EQ(server_->stats().input_bytes, 0U);
}

TEST_F(StreamTest, streams_of_one_client_are_limited_and_serials_not_used_twice) {
    Peer peer = open({}, {.max_streams = 2});
    const auto client = last_client();
    EXPECT_EQ(client->open_stream(call_header(kOpen, kSerial), sink_, {}).error().code,
              ErrorCode::invalid_stream);
    const auto other = std::make_shared<RecordingSink>(board_);
    ASSERT_TRUE(client->open_stream(call_header(kOpen, 50), other, {}));
    EXPECT_EQ(client->open_stream(call_header(kOpen, 51), other, {}).error().code,
              ErrorCode::resource_busy);
}

TEST_F(StreamTest, a_stream_may_fail_on_another_thread_while_data_pours_in) {
    Peer peer = open({.client_sends = true});
    std::thread failing([&] {
        EXPECT_TRUE(board_.wait([&] { return sink_->packets > 20; }));
        stream_->fail(Error{.code = ErrorCode::write_failed,
                            .domain = ErrorDomain::streams,
                            .message = "no",
                            .str1 = {},
                            .str2 = {},
                            .str3 = {}});
    });
    std::thread consuming([&] {
        while (stream_->is_open())
            stream_->consumed(1000);
    });
    for (int i = 0; i < 400; ++i)
        peer.send(data_packet(std::string(1000, 'p')));
    EXPECT_TRUE(next_is(peer, MsgStatus::error));
    failing.join();
    consuming.join();
    EXPECT_TRUE(wait_end(StreamSink::End::failed));
    EXPECT_TRUE(still_serves(peer));
}

} // namespace
} // namespace polyvirt::rpc
