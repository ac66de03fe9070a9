// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/protocol/gen/types.h"
#include "host/protocol/xdr.h"
#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

using testing::HasSubstr;

class ClientTest : public RpcTest {
  protected:
    static std::int32_t error_code(const Received& r) {
        return static_cast<std::int32_t>(
            protocol::load_be32(reinterpret_cast<const std::uint8_t*>(r.payload.data())));
    }
    [[nodiscard]] bool wait_held(std::size_t n) {
        return handler_.board.wait([&] { return handler_.held.size() >= n; });
    }
    static SharedBuffer event(std::size_t payload) {
        return std::make_shared<const Buffer>(make_packet(
            {.prog = kProgram, .vers = 1, .proc = 300, .type = MsgType::message, .serial = 1},
            std::string(payload, 'e')));
    }
};

TEST_F(ClientTest, a_call_is_answered) {
    start();
    Peer peer = connect();
    peer.send_call(66, 4, "hello");
    const auto reply = peer.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(
        reply->header,
        (Header{.prog = kProgram, .vers = 1, .proc = 66, .type = MsgType::reply, .serial = 4}));
    EXPECT_EQ(reply->payload, "hello");
}

TEST_F(ClientTest, replies_may_overtake_each_other) {
    handler_.answer = handler_.hold();
    start();
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 3; ++serial)
        peer.send_call(1, serial);
    peer.send_call(2, 3);
    EXPECT_EQ(peer.receive()->header.serial, 3U);
    ASSERT_TRUE(wait_held(3));
    const auto serial_of = [&](std::size_t i) {
        return handler_.board.look([&] { return handler_.held[i].header.serial; });
    };
    for (const std::size_t i : {2U, 0U, 1U}) {
        const std::uint32_t serial = serial_of(i);
        handler_.answer_held(i);
        EXPECT_EQ(peer.receive()->header.serial, serial);
    }
}

TEST_F(ClientTest, a_ping_is_answered_at_once_while_every_slot_is_taken) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 5});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 8; ++serial)
        peer.send_call(1, serial);
    ASSERT_TRUE(wait_held(5));
    peer.ping();
    const auto pong = peer.receive();
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->header.prog, kKeepalive);
    EXPECT_EQ(pong->header.proc, 2);
    EXPECT_EQ(pong->header.type, MsgType::message);
    EXPECT_EQ(pong->header.serial, 0U);
    EXPECT_EQ(last_client()->stats().in_flight, 5U);
    EXPECT_EQ(last_client()->stats().queued, 3U);
}

TEST_F(ClientTest, what_is_answered_quickly_keeps_its_order_and_leaves_the_rest_to_workers) {
    constexpr std::uint32_t kCalls = 500; // in one read, so more than are answered on the loop at a time
    handler_.quick = 7;
    start({.max_in_flight = 2});
    Peer peer = connect();
    Buffer together;
    for (std::uint32_t serial = 0; serial < kCalls; ++serial) {
        const Buffer one = make_packet(call_header(7, serial), "quick");
        together.insert(together.end(), one.begin(), one.end());
    }
    peer.send(together);
    std::set<std::uint32_t> answered;
    for (std::uint32_t i = 0; i < kCalls; ++i) {
        const auto reply = peer.receive();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->payload, "quick");
        EXPECT_TRUE(answered.insert(reply->header.serial).second);
        if (i == 0) {
            EXPECT_EQ(reply->header.serial, 0U);
        }
    }
    EXPECT_EQ(answered.size(), kCalls);
    const auto quickly = handler_.board.look([&] { return handler_.quickly; });
    EXPECT_GE(quickly, 64U);
    EXPECT_LT(quickly, kCalls) << "one client does not hold the loop";
    EXPECT_TRUE(eventually([&] { return last_client()->stats().in_flight == 0; }));
}

TEST_F(ClientTest, a_call_that_is_parked_gives_its_place_to_the_next) {
    handler_.answer = handler_.hold();
    handler_.held.reserve(8); // the slots stay where they are
    start({.max_in_flight = 2, .max_parked = 3});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 8; ++serial)
        peer.send_call(1, serial);
    // Two are with workers, six were read and wait.
    ASSERT_TRUE(eventually([&] { return last_client()->stats().queued == 6; }));
    for (std::size_t parked = 0; parked < 4; ++parked) { // the fourth is one too many
        ASSERT_TRUE(wait_held(std::min<std::size_t>(parked + 2, 5)));
        CallSlot* slot = handler_.board.look([&] { return &handler_.held[parked].slot; });
        last_client()->park_call(*slot);
        last_client()->park_call(*slot); // counts once
    }
    EXPECT_EQ(last_client()->stats().in_flight, 5U);
    EXPECT_EQ(last_client()->stats().queued, 3U);
    handler_.answer_held(0); // its place among the parked is free
    EXPECT_TRUE(peer.receive());
    EXPECT_EQ(last_client()->stats().queued, 3U);
    CallSlot* slot = handler_.board.look([&] { return &handler_.held[4].slot; });
    last_client()->park_call(*slot);
    ASSERT_TRUE(wait_held(6));
    handler_.let_go();
    EXPECT_TRUE(eventually([&] { return last_client()->stats().in_flight == 0; }));
}

TEST_F(ClientTest, a_quick_answer_does_not_wait_for_slow_calls) {
    handler_.quick = 7;
    handler_.answer = handler_.hold();
    start({.max_in_flight = 5});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 4; ++serial)
        peer.send_call(1, serial);
    ASSERT_TRUE(wait_held(4));
    peer.send_call(7, 4);
    EXPECT_EQ(peer.receive()->header.serial, 4U);
}

TEST_F(ClientTest, a_ping_is_answered_before_authentication) {
    start();
    Peer peer = connect(false);
    peer.ping();
    EXPECT_EQ(peer.receive()->header.proc, 2);
}

TEST_F(ClientTest, a_waiting_call_starts_when_one_ends) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 1});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 4; ++serial)
        peer.send_call(1, serial);
    for (std::uint32_t serial = 0; serial < 4; ++serial) {
        ASSERT_TRUE(wait_held(serial + 1));
        handler_.answer_held(serial);
        EXPECT_EQ(peer.receive()->header.serial, serial);
    }
}

TEST_F(ClientTest, priority_calls_have_a_share_of_their_own) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 1});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 3; ++serial)
        peer.send_call(1, serial);
    peer.send_call(1002, 9);
    EXPECT_EQ(peer.receive()->header.serial, 9U);
}

TEST_F(ClientTest, a_full_queue_refuses_that_serial_alone) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 2, .max_queued = 3});
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 6; ++serial)
        peer.send_call(1, serial);
    const auto refusal = peer.receive();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->header.serial, 5U);
    EXPECT_EQ(refusal->header.status, MsgStatus::error);
    EXPECT_EQ(error_code(*refusal), 87);
    for (std::uint32_t done = 0; done < 5; ++done) {
        ASSERT_TRUE(wait_held(done + 1));
        handler_.answer_held(done);
        const auto reply = peer.receive();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->header.status, MsgStatus::ok);
        EXPECT_LT(reply->header.serial, 5U);
    }
}

TEST_F(ClientTest, waiting_calls_are_bounded_in_bytes_too) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 1, .max_queued_bytes = 1000});
    Peer peer = connect();
    peer.send_call(1, 0);
    peer.send_call(1, 1, std::string(600, 'a'));
    peer.send_call(1, 2, std::string(600, 'a'));
    EXPECT_EQ(peer.receive()->header.serial, 2U);
}

TEST_F(ClientTest, a_pool_that_takes_nothing_refuses_each_call) {
    pool_limits_ = {
        .min_workers = 1, .max_workers = 1, .prio_workers = 1, .hard_cap = 1, .max_queued = 0};
    start();
    Peer peer = connect();
    for (std::uint32_t serial = 0; serial < 3; ++serial) {
        peer.send_call(2, serial);
        const auto refusal = peer.receive();
        ASSERT_TRUE(refusal);
        EXPECT_EQ(refusal->header.serial, serial);
        EXPECT_EQ(error_code(*refusal), 87);
    }
    EXPECT_EQ(handler_.calls, 0U);
    pool_->set_limits({}); // so that the client's end can be told
}

TEST_F(ClientTest, what_nobody_waits_for_is_dropped_without_a_word) {
    start();
    Peer peer = connect();
    for (const int type : {1, 2, 3, 5, 6, 7, -1, 1000})
        peer.send(make_packet(call_header(1, 1, static_cast<MsgType>(type)), "whatever"));
    peer.send_call(2, 77);
    EXPECT_EQ(peer.receive()->header.serial, 77U);
}

TEST_F(ClientTest, a_call_of_another_status_reaches_the_handler) {
    start();
    Peer peer = connect();
    Header header = call_header(5, 6);
    header.status = MsgStatus::error;
    peer.send(make_packet(header));
    EXPECT_EQ(peer.receive()->header.serial, 6U);
}

TEST_F(ClientTest, garbage_ends_that_connection_alone) {
    start();
    Peer bad = connect(), good = connect();
    bad.send(Buffer(5000, 0xff));
    EXPECT_TRUE(bad.receive_end());
    good.send_call(2, 1);
    EXPECT_EQ(good.receive()->header.serial, 1U);
    ASSERT_TRUE(wait_gone(1));
}

TEST_F(ClientTest, a_large_message_passes_whole) {
    start();
    Peer peer = connect();
    const std::string large(5 << 20, 'L');
    peer.send_call(2, 1, large);
    EXPECT_EQ(peer.receive()->payload, large);
}

TEST_F(ClientTest, packets_are_limited_before_authentication) {
    start({.max_anonymous_packet = 1000});
    Peer peer = connect(false);
    peer.send_call(2, 1, std::string(900, 'a'));
    EXPECT_EQ(peer.receive()->header.serial, 1U);
    last_client()->set_authenticated("", "");
    peer.send_call(2, 2, std::string(2000, 'a'));
    EXPECT_EQ(peer.receive()->header.serial, 2U);
    Peer other = connect(false);
    other.send_call(2, 1, std::string(2000, 'a'));
    EXPECT_TRUE(other.receive_end());
}

TEST_F(ClientTest, a_call_beyond_the_input_budget_is_refused_and_the_next_served) {
    start({.max_input_bytes = 100'000});
    Peer peer = connect();
    peer.send_call(2, 1, std::string(200'000, 'a'));
    const auto refusal = peer.receive();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(error_code(*refusal), 87);
    peer.send_call(2, 2, "small");
    EXPECT_EQ(peer.receive()->payload, "small");
}

TEST_F(ClientTest, a_ping_is_answered_though_the_input_budget_is_used_up) {
    start({.max_input_bytes = 0});
    Peer peer = connect();
    peer.send_call(2, 1);
    EXPECT_EQ(peer.receive()->header.status, MsgStatus::error);
    peer.ping();
    EXPECT_EQ(peer.receive()->header.prog, kKeepalive);
}

TEST_F(ClientTest, descriptors_pass_both_ways) {
    start();
    handler_.answer = [](const std::shared_ptr<Client>& client, Message message) {
        const auto n = static_cast<std::uint32_t>(message.fds.size());
        Buffer count(4);
        protocol::store_be32(count.data(), n);
        client->reply(
            make_packet(header_for(message.header, MsgType::reply_with_fds, MsgStatus::ok),
                        text_of(count) + text_of(message.payload())),
            std::move(message.fds));
    };
    Peer peer = connect();
    for (const std::uint32_t n : {1U, 32U}) {
        Buffer count(4);
        protocol::store_be32(count.data(), n);
        peer.send(make_packet(call_header(3, n, MsgType::call_with_fds), text_of(count) + "args"));
        std::vector<UniqueFd> kept;
        for (std::uint32_t i = 0; i < n; ++i) {
            int fds[2] = {-1, -1};
            ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
            kept.emplace_back(fds[0]);
            const UniqueFd write_end(fds[1]);
            peer.send_byte_with_fd(write_end.get());
        }
        auto reply = peer.receive();
        ASSERT_TRUE(reply);
        EXPECT_THAT(reply->payload, HasSubstr("args"));
        ASSERT_EQ(reply->fds.size(), n);
        for (std::uint32_t i = 0; i < n; ++i) { // in order, and really those
            const auto letter = static_cast<char>('a' + i % 26);
            ASSERT_EQ(::write(reply->fds[i].get(), &letter, 1), 1);
            char back = 0;
            ASSERT_EQ(::read(kept[i].get(), &back, 1), 1);
            EXPECT_EQ(back, letter);
        }
    }
    peer.send_call(2, 99); // the framing is intact; a plain call has no descriptors
    EXPECT_EQ(peer.receive()->header.serial, 99U);
}

TEST_F(ClientTest, too_many_or_missing_descriptors_end_the_connection) {
    start();
    Peer many = connect(), missing = connect();
    Buffer count(4);
    protocol::store_be32(count.data(), 33);
    many.send(make_packet(call_header(3, 1, MsgType::call_with_fds), text_of(count)));
    EXPECT_TRUE(many.receive_end());
    protocol::store_be32(count.data(), 1);
    missing.send(make_packet(call_header(3, 1, MsgType::call_with_fds), text_of(count)));
    missing.send_byte_with_fd(-1);
    EXPECT_TRUE(missing.receive_end());
    EXPECT_EQ(handler_.board.look([&] { return handler_.calls; }), 0U);
}

TEST_F(ClientTest, a_subscriber_that_does_not_read_is_cut_off_and_others_are_not) {
    start({.max_event_bytes = 100'000});
    Peer lazy = connect();
    const auto lazy_client = last_client();
    Peer eager = connect();
    const auto eager_client = last_client();
    const auto bytes = event(1000);
    unsigned sent = 0;
    while (lazy_client->send_event(bytes)) {
        ASSERT_TRUE(eager_client->send_event(bytes));
        ASSERT_EQ(eager.receive()->payload.size(), 1000U);
        ASSERT_LT(++sent, 100'000U);
    }
    EXPECT_GE(sent, 100U);
    EXPECT_TRUE(lazy_client->is_closed());
    EXPECT_TRUE(eager_client->send_event(bytes));
    ASSERT_TRUE(wait_gone(1));
}

TEST_F(ClientTest, no_call_starts_while_replies_are_left_unread) {
    start({.reply_bytes_pause = 1 << 20});
    Peer peer = connect();
    const std::string large(4 << 20, 'r');
    peer.send_call(2, 1, large);
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.calls == 1; }));
    ASSERT_TRUE(eventually([&] { return last_client()->stats().unsent_bytes > 1 << 20; }));
    peer.send_call(2, 2, "second");
    peer.ping();
    ASSERT_TRUE(eventually([&] { return last_client()->stats().queued == 1; }));
    EXPECT_EQ(handler_.board.look([&] { return handler_.calls; }), 1U);
    EXPECT_EQ(peer.receive()->payload, large);
    EXPECT_EQ(peer.receive()->header.prog, kKeepalive);
    EXPECT_EQ(peer.receive()->payload, "second");
}

TEST_F(ClientTest, a_reply_larger_than_the_socket_takes_arrives_whole_and_in_order) {
    start();
    handler_.answer = [](const std::shared_ptr<Client>& client, Message message) {
        client->reply(make_packet(header_for(message.header, MsgType::reply, MsgStatus::ok),
                                  std::string(message.header.proc == 2 ? 3 << 20 : 10, 'x')));
    };
    Peer peer = connect();
    for (std::uint32_t i = 0; i < 20; ++i)
        peer.send_call(i % 3 == 0 ? 2 : 3, i);
    std::vector<bool> seen(20);
    for (int i = 0; i < 20; ++i) {
        const auto reply = peer.receive();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->payload.size(), reply->header.proc == 2 ? std::size_t{3} << 20 : 10U);
        seen[reply->header.serial] = true;
    }
    EXPECT_THAT(seen, testing::Each(true));
}

TEST_F(ClientTest, a_client_that_vanishes_goes_after_its_last_call) {
    handler_.answer = handler_.hold();
    start();
    Peer peer = connect();
    peer.send_call(1, 1);
    ASSERT_TRUE(wait_held(1));
    peer.leave();
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.closed == 1; }));
    EXPECT_EQ(server_->stats().clients, 0U);
    EXPECT_EQ(handler_.board.look([&] { return handler_.gone.size(); }), 0U);
    handler_.answer_held(0); // harmless
    ASSERT_TRUE(wait_gone(1));
    EXPECT_EQ(handler_.board.look([&] { return handler_.gone.begin()->second; }), 1U);
}

TEST_F(ClientTest, calls_that_wait_are_dropped_with_the_client) {
    handler_.answer = handler_.hold();
    start({.max_in_flight = 1});
    Peer peer = connect();
    for (std::uint32_t i = 0; i < 5; ++i)
        peer.send_call(1, i);
    ASSERT_TRUE(wait_held(1));
    peer.leave();
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.closed == 1; }));
    handler_.answer_held(0);
    ASSERT_TRUE(wait_gone(1));
    EXPECT_EQ(handler_.board.look([&] { return handler_.calls; }), 1U);
    EXPECT_EQ(server_->stats().input_bytes, 0U);
}

TEST_F(ClientTest, close_after_flush_delivers_the_reply_first) {
    start();
    handler_.answer = [](const std::shared_ptr<Client>& client, Message message) {
        client->reply(make_packet(header_for(message.header, MsgType::reply, MsgStatus::ok),
                                  std::string(2 << 20, 'y')));
        client->close_after_flush();
    };
    Peer peer = connect();
    peer.send_call(2, 1);
    EXPECT_EQ(peer.receive()->payload.size(), std::size_t{2} << 20);
    EXPECT_TRUE(peer.receive_end());
    ASSERT_TRUE(wait_gone(1));
}

TEST_F(ClientTest, close_after_flush_closes_at_once_when_all_is_sent) {
    start();
    Peer peer = connect();
    last_client()->close_after_flush();
    EXPECT_TRUE(peer.receive_end());
}

TEST_F(ClientTest, everything_is_harmless_on_a_closed_connection) {
    start();
    Peer peer = connect();
    const auto client = last_client();
    client->close("the test says so");
    ASSERT_TRUE(wait_gone(1));
    client->reply(make_packet(call_header(1, 1, MsgType::reply)));
    EXPECT_FALSE(client->send_event(event(10)));
    client->enable_keepalive();
    client->set_authenticated("x", "");
    client->close_after_flush();
    client->close("again");
    EXPECT_FALSE(client->open_stream(call_header(1, 1), nullptr, {}));
    EXPECT_EQ(handler_.board.look([&] { return handler_.gone.begin()->second; }), 1U);
}

TEST_F(ClientTest, a_client_that_announced_keepalive_is_pinged_and_dropped_when_silent) {
    start({.keepalive_interval = std::chrono::milliseconds(20), .keepalive_count = 3});
    Peer peer = connect();
    last_client()->enable_keepalive();
    for (int i = 0; i < 3; ++i) {
        const auto ping = peer.receive();
        ASSERT_TRUE(ping);
        EXPECT_EQ(ping->header.prog, kKeepalive);
        EXPECT_EQ(ping->header.proc, 1);
    }
    EXPECT_TRUE(peer.receive_end());
}

TEST_F(ClientTest, many_threads_send_to_one_client_and_every_packet_stays_whole) {
    start({.max_event_bytes = std::size_t{64} << 20});
    Peer peer = connect();
    const auto client = last_client();
    constexpr unsigned kThreads = 4, kEach = 500;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
        threads.emplace_back([&client, t] {
            for (unsigned i = 0; i < kEach; ++i)
                client->send_event(std::make_shared<const Buffer>(
                    make_packet({.prog = kProgram,
                                 .vers = 1,
                                 .proc = static_cast<std::int32_t>(t),
                                 .type = MsgType::message,
                                 .serial = i},
                                std::string(i, 'm'))));
        });
    std::vector<std::uint32_t> next(kThreads);
    for (unsigned i = 0; i < kThreads * kEach; ++i) {
        const auto packet = peer.receive();
        ASSERT_TRUE(packet);
        const auto t = static_cast<std::size_t>(packet->header.proc);
        ASSERT_EQ(packet->header.serial, next.at(t)++); // each thread's in its order
        ASSERT_EQ(packet->payload.size(), packet->header.serial);
    }
    for (auto& thread : threads)
        thread.join();
}

TEST(ErrorReply, carries_all_fields) {
    const Header call = call_header(8, 15);
    Buffer packet = error_reply(call, Error{.code = ErrorCode::no_domain,
                                            .domain = ErrorDomain::qemu,
                                            .message = "no such thing",
                                            .str1 = "pattern %s",
                                            .str2 = "thing",
                                            .str3 = "",
                                            .int1 = 7,
                                            .int2 = -1});
    EXPECT_EQ(protocol::load_be32(packet.data()), packet.size());
    EXPECT_EQ(packet.size() % 4, 0U);
    const Header header = protocol::read_header(packet.data() + 4);
    EXPECT_EQ(header.type, MsgType::reply);
    EXPECT_EQ(header.status, MsgStatus::error);
    EXPECT_EQ(header.serial, 15U);
    protocol::Arena arena;
    protocol::Decoder decoder({packet.data() + kHeadBytes, packet.size() - kHeadBytes}, arena);
    protocol::error e;
    ASSERT_TRUE(decode(decoder, e));
    EXPECT_EQ(e.code, 42);
    EXPECT_EQ(e.domain, 10);
    EXPECT_EQ(e.level, 2);
    EXPECT_EQ(e.message.view(), "no such thing");
    EXPECT_EQ(e.str1.view(), "pattern %s");
    EXPECT_EQ(e.str2.view(), "thing");
    EXPECT_FALSE(e.str3.present());
    EXPECT_EQ(e.dom, nullptr);
    EXPECT_EQ(e.net, nullptr);
    EXPECT_EQ(e.int1, 7);
    EXPECT_EQ(e.int2, -1);
}

} // namespace
} // namespace polyvirt::rpc
