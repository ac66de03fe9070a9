// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "rpc_fixture.h"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

namespace polyvirt::rpc {

Header call_header(std::int32_t proc, std::uint32_t serial, MsgType type) {
    return {.prog = kProgram, .vers = 1, .proc = proc, .type = type, .serial = serial};
}

Buffer make_packet(const Header& header, std::string_view payload) {
    Buffer packet = protocol::begin_packet(header, payload.size());
    packet.insert(packet.end(), payload.begin(), payload.end());
    protocol::finish_packet(packet);
    return packet;
}

std::string text_of(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace {

bool wait_for(int fd, short events, std::chrono::milliseconds bound) {
    pollfd p{fd, events, 0};
    int n = 0;
    do
        n = ::poll(&p, 1, static_cast<int>(bound.count()));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

} // namespace

void Peer::send(const Buffer& bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        ASSERT_TRUE(wait_for(fd_.get(), POLLOUT, kBound));
        const ssize_t n =
            ::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; // the test looks at its input
        ASSERT_TRUE(n >= 0 || errno == EAGAIN) << std::strerror(errno);
        if (n > 0)
            at += static_cast<std::size_t>(n);
    }
}

std::size_t Peer::send_what_fits(const Buffer& bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t n =
            ::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break;
        at += static_cast<std::size_t>(n);
    }
    return at;
}

void Peer::send_byte_with_fd(int fd) {
    std::uint8_t zero = 0;
    iovec part{&zero, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof fd)] = {};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ASSERT_EQ(::sendmsg(fd_.get(), &message, MSG_NOSIGNAL), 1) << std::strerror(errno);
}

void Peer::ping() {
    send(make_packet({.prog = kKeepalive, .vers = 1, .proc = 1, .type = MsgType::message}));
}

bool Peer::has_input() const {
    return wait_for(fd_.get(), POLLIN, std::chrono::milliseconds(0));
}

bool Peer::read_exactly(std::uint8_t* to, std::size_t n) {
    while (n != 0) {
        if (!wait_for(fd_.get(), POLLIN, kBound)) {
            ADD_FAILURE() << "nothing came";
            return false;
        }
        const ssize_t got = ::read(fd_.get(), to, n);
        if (got <= 0)
            return false;
        to += got;
        n -= static_cast<std::size_t>(got);
    }
    return true;
}

std::optional<Received> Peer::receive() {
    std::uint8_t head[protocol::kMinPacket];
    if (!read_exactly(head, sizeof head))
        return std::nullopt;
    Received r;
    r.header = protocol::read_header(head + protocol::kLengthBytes);
    r.payload.resize(protocol::load_be32(head) - sizeof head);
    if (!read_exactly(reinterpret_cast<std::uint8_t*>(r.payload.data()), r.payload.size()))
        return std::nullopt;
    if (r.header.type != MsgType::reply_with_fds)
        return r;
    auto due = protocol::load_be32(reinterpret_cast<const std::uint8_t*>(r.payload.data()));
    for (; due != 0; --due) {
        std::uint8_t byte = 1;
        iovec part{&byte, 1};
        alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))];
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (!wait_for(fd_.get(), POLLIN, kBound) ||
            ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC) != 1)
            return std::nullopt;
        EXPECT_EQ(byte, 0);
        const cmsghdr* c = CMSG_FIRSTHDR(&message);
        if (c == nullptr) {
            ADD_FAILURE() << "a byte without its descriptor";
            return std::nullopt;
        }
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
        r.fds.emplace_back(fd);
    }
    return r;
}

void TestHandler::let_go() {
    std::vector<Message> let_go; // ended outside the lock: that starts others
    board.change([&] {
        holding = false;
        let_go.swap(held);
    });
}

std::shared_ptr<Session> TestHandler::client_arrived(Client&) {
    board.change([&] { ++arrived; });
    return std::make_shared<Session>();
}

bool TestHandler::answer_quickly(const std::shared_ptr<Client>& client, Message& message) {
    if (message.header.proc != quick)
        return false;
    board.change([&] { ++quickly; });
    echo(client, std::move(message));
    return true;
}

void TestHandler::handle_call(std::shared_ptr<Client> client, Message message) {
    board.change([&] { ++calls; });
    answer(client, std::move(message));
}

void TestHandler::client_closed(Client& client) {
    EXPECT_TRUE(client.is_closed());
    board.change([&] { ++closed; });
}

bool TestHandler::client_gone_quickly(const std::shared_ptr<Client>& client) {
    if (unheard)
        board.change([&] { ++gone_unheard, ++gone[client->id()]; });
    return unheard;
}

void TestHandler::client_gone(std::shared_ptr<Client> client) {
    board.change([&] { ++gone[client->id()]; });
}

void TestHandler::echo(const std::shared_ptr<Client>& client, Message message) {
    client->reply(make_packet(header_for(message.header, MsgType::reply, MsgStatus::ok),
                              text_of(message.payload())));
}

TestHandler::Answer TestHandler::hold() {
    return [this](const std::shared_ptr<Client>& client, Message message) {
        const bool keep = message.header.proc % 1000 == 1 && board.look([&] { return holding; });
        if (!keep)
            return echo(client, std::move(message));
        board.change([&] { held.push_back(std::move(message)); });
    };
}

void TestHandler::answer_held(std::size_t which) {
    Message message;
    board.change([&] { message = std::move(held.at(which)); });
    const auto client = message.slot.client();
    echo(client, std::move(message));
}

// Before the members of derived fixtures go, which sinks and handlers refer to.
void RpcTest::TearDown() {
    last_.reset();
    handler_.let_go();
    server_.reset();
    pool_.reset();
    thread_.reset();
}

void RpcTest::start(const Limits& limits) {
    pool_ = std::make_unique<work::WorkerPool>(pool_limits_);
    thread_ = std::make_unique<loop::LoopThread>(loop_);
    server_ = std::make_unique<Server>("test", loop_, *pool_, handler_, limits);
}

Peer RpcTest::connect(bool authenticated) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    last_ = server_->add_client(UniqueFd(fds[0]), Identity{}, authenticated);
    return Peer(UniqueFd(fds[1]));
}

bool RpcTest::wait_gone(unsigned clients) {
    return handler_.board.wait([&] { return handler_.gone.size() >= clients; });
}

} // namespace polyvirt::rpc
