// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/listener.h"

#include <algorithm>
#include <charconv>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "host/rpc/socket_address.h"
#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

int option_of(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

std::uint16_t port_of(const std::string& address) {
    std::uint16_t port = 0;
    const auto colon = address.rfind(':');
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    return port;
}

UniqueFd dial(const std::string& address) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_of(address));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    return fd;
}

class Tcp : public RpcTest {
  protected:
    // Serves on a free port of 127.0.0.1, whose address it returns.
    std::string serve(AuthMethod auth, const Limits& limits = {}) {
        start(limits);
        auto opened =
            server_->add_tcp_listeners({.address = "127.0.0.1", .port = 0, .auth = auth});
        EXPECT_TRUE(opened) << opened.error().message;
        server_->start_serving();
        return opened ? opened->front() : "";
    }
};

TEST(TcpListener, a_free_port_is_told) {
    auto open = Listener::open_tcp({.address = "127.0.0.1", .port = 0});
    ASSERT_TRUE(open);
    ASSERT_EQ(open->size(), 1U);
    EXPECT_THAT(open->front().config().path, StartsWith("127.0.0.1:"));
    EXPECT_NE(port_of(open->front().config().path), 0);
}

TEST(TcpListener, every_address_of_the_host_gets_a_socket) {
    auto open = Listener::open_tcp({.port = 0});
    ASSERT_TRUE(open);
    EXPECT_TRUE(std::any_of(open->begin(), open->end(), [](const Listener& l) {
        return l.config().path.starts_with("0.0.0.0:");
    }));
}

TEST(TcpListener, a_port_that_is_taken_is_an_error_that_names_it) {
    auto open = Listener::open_tcp({.address = "127.0.0.1", .port = 0});
    ASSERT_TRUE(open);
    const auto again = Listener::open_tcp(
        {.address = "127.0.0.1", .port = port_of(open->front().config().path)});
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, HasSubstr(open->front().config().path));
}

TEST(TcpListener, nonsense_is_no_address) {
    auto open = Listener::open_tcp({.address = "not an address", .port = 0});
    ASSERT_FALSE(open);
    EXPECT_THAT(open.error().message, HasSubstr("'not an address'"));
}

TEST(TcpListener, connections_inherit_the_options) {
    auto open =
        Listener::open_tcp({.address = "127.0.0.1", .port = 0, .idle_seconds = 77});
    ASSERT_TRUE(open);
    const UniqueFd client = dial(open->front().config().path);
    pollfd ready{open->front().fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 60'000), 1);
    const UniqueFd fd(::accept4(open->front().fd(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_EQ(option_of(fd.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option_of(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 77);
}

TEST(SocketAddress, text_has_numbers_and_brackets_for_ipv6) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(16509);
    six.sin6_addr = in6addr_loopback;
    EXPECT_EQ(address_text(reinterpret_cast<const sockaddr*>(&six), sizeof six), "[::1]:16509");
}

TEST_F(Tcp, a_client_is_known_by_its_address) {
    const std::string address = serve(AuthMethod::none);
    Peer peer(dial(address));
    peer.send_call(2, 1, "hello");
    EXPECT_EQ(peer.receive()->payload, "hello");
    const Identity identity = server_->find_client(1)->identity();
    EXPECT_EQ(identity.transport, Transport::tcp);
    EXPECT_EQ(identity.local_address, address);
    EXPECT_THAT(identity.address, StartsWith("127.0.0.1:"));
    EXPECT_EQ(identity.uid, static_cast<uid_t>(-1));
    EXPECT_FALSE(identity.is_secure());
}

TEST_F(Tcp, its_listener_says_how_a_client_authenticates) {
    const std::string address = serve(AuthMethod::sasl);
    Peer peer(dial(address));
    peer.send_call(2, 1);
    ASSERT_TRUE(peer.receive());
    const auto client = server_->find_client(1);
    EXPECT_FALSE(client->authenticated());
    EXPECT_EQ(client->auth_method(), AuthMethod::sasl);
}

TEST_F(Tcp, descriptors_are_refused_and_the_reply_says_so) {
    handler_.answer = [](const std::shared_ptr<Client>& client, Message message) {
        std::vector<UniqueFd> fds;
        fds.emplace_back(::dup(0));
        Buffer packet = make_packet(
            header_for(message.header, MsgType::reply_with_fds, MsgStatus::ok), {"\0\0\0\1", 4});
        client->reply(std::move(packet), std::move(fds));
    };
    Peer peer(dial(serve(AuthMethod::none)));
    peer.send_call(2, 5);
    const auto reply = peer.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header.status, MsgStatus::error);
    EXPECT_EQ(reply->header.type, MsgType::reply);
    EXPECT_EQ(reply->header.serial, 5U);
}

TEST_F(Tcp, the_handler_hears_of_an_authentication_once_the_identity_is_complete) {
    Peer peer(dial(serve(AuthMethod::sasl)));
    peer.send_call(2, 1);
    ASSERT_TRUE(peer.receive());
    const auto client = server_->find_client(1);
    client->set_authenticated("fred", {}, 128);
    EXPECT_TRUE(client->authenticated());
    EXPECT_EQ(client->identity().sasl_user, "fred");
    EXPECT_TRUE(client->identity().is_secure());
    EXPECT_EQ(server_->stats().anonymous, 0U);
}

} // namespace
} // namespace polyvirt::rpc
