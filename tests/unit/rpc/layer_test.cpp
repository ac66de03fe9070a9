// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Clients behind a layer, with one that is easily looked through: each byte is inverted.
#include "host/rpc/layer.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include "base/error_text.h"
#include "host/rpc/layer_output.h"
#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

class Inverter final : public Layer {
  public:
    Result<bool> decode(Bytes wire, const Take& take) override {
        Buffer plain(wire.begin(), wire.end());
        if (std::find(plain.begin(), plain.end(), std::uint8_t{0xee}) != plain.end())
            return make_error(ErrorCode::rpc, ErrorDomain::rpc, "damaged");
        invert(plain);
        // In two parts, as layers may.
        if (take(Bytes(plain).first(plain.size() / 2)))
            take(Bytes(plain).subspan(plain.size() / 2));
        return true;
    }
    Status encode(Bytes plain, Buffer& wire) override {
        Buffer copy(plain.begin(), plain.end());
        invert(copy);
        wire.insert(wire.end(), copy.begin(), copy.end());
        return {};
    }
    [[nodiscard]] std::size_t max_plain() const override { return 1000; }
    static void invert(Buffer& bytes) {
        for (auto& byte : bytes)
            byte = static_cast<std::uint8_t>(~byte);
    }
};

class LayerTest : public RpcTest {
  protected:
    // Procedure 7 switches to the layer with its reply; others are echoed.
    void start_with_layer() {
        handler_.answer = [](const std::shared_ptr<Client>& client, Message message) {
            if (message.header.proc != 7)
                return TestHandler::echo(client, std::move(message));
            client->reply_then_layer(
                make_packet(header_for(message.header, MsgType::reply, MsgStatus::ok), "clear"),
                std::make_unique<Inverter>());
        };
        start();
    }
    static Buffer inverted(Buffer packet) {
        Inverter::invert(packet);
        return packet;
    }
    static void send_encoded(Peer& peer, std::uint32_t serial, std::string_view payload) {
        peer.send(inverted(make_packet(call_header(2, serial), payload)));
    }
    static std::string receive_encoded(Peer& peer, std::size_t payload) {
        Buffer packet(protocol::kMinPacket + payload);
        EXPECT_EQ(::recv(peer.fd(), packet.data(), packet.size(), MSG_WAITALL),
                  static_cast<ssize_t>(packet.size()));
        Inverter::invert(packet);
        return text_of(std::span(packet).subspan(protocol::kMinPacket));
    }
};

TEST_F(LayerTest, the_reply_that_switches_is_the_last_in_clear_text) {
    start_with_layer();
    Peer peer = connect();
    peer.send_call(2, 1, "before");
    EXPECT_EQ(peer.receive()->payload, "before");
    peer.send_call(7, 2);
    EXPECT_EQ(peer.receive()->payload, "clear");
    send_encoded(peer, 3, "after");
    EXPECT_EQ(receive_encoded(peer, 5), "after");
}

TEST_F(LayerTest, events_behind_the_switch_are_encoded) {
    start_with_layer();
    Peer peer = connect();
    peer.send_call(7, 1);
    EXPECT_EQ(peer.receive()->payload, "clear");
    const auto event = std::make_shared<const Buffer>(make_packet(call_header(9, 1), "told"));
    EXPECT_TRUE(last_client()->send_event(event));
    EXPECT_EQ(receive_encoded(peer, 4), "told");
}

TEST_F(LayerTest, large_packets_pass_both_ways) {
    start_with_layer();
    Peer peer = connect();
    peer.send_call(7, 1);
    ASSERT_TRUE(peer.receive());
    const std::string large(3'000'000, 'L');
    send_encoded(peer, 2, large);
    EXPECT_EQ(receive_encoded(peer, large.size()), large);
}

TEST_F(LayerTest, damage_ends_the_connection) {
    start_with_layer();
    Peer peer = connect();
    peer.send_call(7, 1);
    ASSERT_TRUE(peer.receive());
    peer.send(Buffer(10, 0xee));
    EXPECT_TRUE(peer.receive_end());
    EXPECT_TRUE(wait_gone(1));
}

TEST_F(LayerTest, a_client_that_says_goodbye_gets_all_of_its_reply) {
    start_with_layer();
    Peer peer = connect();
    peer.send_call(7, 1);
    ASSERT_TRUE(peer.receive());
    const std::string large(2'000'000, 'G');
    last_client()->reply(make_packet(call_header(1, 1), large));
    last_client()->close_after_flush();
    EXPECT_EQ(receive_encoded(peer, large.size()), large);
    EXPECT_TRUE(peer.receive_end());
}

TEST(LayerOutput, bytes_that_the_socket_does_not_take_are_kept_and_sent_later) {
    int fds[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    const UniqueFd mine(fds[0]), theirs(fds[1]);
    Inverter layer;
    LayerOutput output(layer);
    Buffer plain(2'000'000);
    for (std::size_t i = 0; i < plain.size(); ++i)
        plain[i] = static_cast<std::uint8_t>(i % 251);
    std::size_t taken = 0;
    Buffer received;
    const auto read_all = [&] {
        Buffer part(100'000);
        for (ssize_t n = 0; (n = ::recv(theirs.get(), part.data(), part.size(), 0)) > 0;)
            received.insert(received.end(), part.begin(), part.begin() + n);
    };
    unsigned waits = 0;
    while (taken < plain.size() || output.left() != 0) {
        OutputQueue::Batch batch;
        batch.socket = mine.get();
        batch.parts[0] = {plain.data() + taken, plain.size() - taken};
        batch.count = taken < plain.size() ? 1 : 0;
        const ssize_t n = output.send(batch);
        ASSERT_TRUE(n >= 0 || errno == EAGAIN);
        taken += n > 0 ? static_cast<std::size_t>(n) : 0;
        EXPECT_LE(output.left(), LayerOutput::kPiece);
        if (output.left() != 0)
            ++waits;
        read_all();
    }
    read_all();
    EXPECT_GT(waits, 0U); // the socket was full at some time, or this shows nothing
    Inverter::invert(received);
    EXPECT_EQ(received, plain);
}

} // namespace
} // namespace polyvirt::rpc
