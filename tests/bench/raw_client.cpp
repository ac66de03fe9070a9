// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tests/bench/raw_client.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "host/protocol/gen/remote.h"

namespace polyvirt::bench {
namespace {

namespace remote = protocol::remote;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

} // namespace

RawClient::RawClient(const std::string& path) {
    fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    while (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        if (errno != EAGAIN && errno != EINTR) die(path.c_str()); // EAGAIN: the backlog is full
    if (::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) != 0) die("fcntl");
    in_.resize(4 * 1024);
}

std::uint32_t RawClient::send(std::int32_t proc, const std::vector<std::uint8_t>& payload) {
    protocol::Header header;
    header.prog = remote::kProgram;
    header.vers = 1;
    header.proc = proc;
    header.serial = serial_++;
    std::vector<std::uint8_t> packet = protocol::begin_packet(header, payload.size());
    packet.insert(packet.end(), payload.begin(), payload.end());
    protocol::finish_packet(packet);
    std::size_t sent = 0;
    while (sent < packet.size()) {
        const ssize_t n = ::send(fd_.get(), packet.data() + sent, packet.size() - sent, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            pollfd p{fd_.get(), POLLOUT, 0};
            ::poll(&p, 1, -1);
        } else if (errno != EINTR) {
            die("send");
        }
    }
    return header.serial;
}

bool RawClient::fill() {
    if (used_ == in_.size()) in_.resize(in_.size() * 2);
    const ssize_t n = ::recv(fd_.get(), in_.data() + used_, in_.size() - used_, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    used_ += static_cast<std::size_t>(n);
    return true;
}

std::vector<std::uint8_t> RawClient::call(std::int32_t proc, std::vector<std::uint8_t> payload) {
    const std::uint32_t serial = send(proc, payload);
    std::optional<std::vector<std::uint8_t>> reply;
    while (!reply) {
        pollfd p{fd_.get(), POLLIN, 0};
        ::poll(&p, 1, -1);
        const bool open = receive([&](const protocol::Header& h, std::span<const std::uint8_t> body) {
            if (h.serial != serial || h.type != protocol::MsgType::reply) return;
            if (h.status != protocol::MsgStatus::ok) {
                std::fprintf(stderr, "procedure %d answered an error\n", proc);
                std::exit(1);
            }
            reply.emplace(body.begin(), body.end());
        });
        if (!open) die("connection closed");
    }
    return *std::move(reply);
}

void RawClient::open(const std::string& uri) {
    call(static_cast<std::int32_t>(remote::Proc::auth_list));
    protocol::Encoder encoder;
    remote::connect_open_args args;
    args.name = protocol::to_str(uri);
    encode(encoder, args);
    call(static_cast<std::int32_t>(remote::Proc::connect_open), encoder.take());
}

void RawClient::close_connection() {
    call(static_cast<std::int32_t>(remote::Proc::connect_close));
    while (receive([](const protocol::Header&, std::span<const std::uint8_t>) {})) {
        pollfd p{fd_.get(), POLLIN, 0};
        ::poll(&p, 1, -1);
    }
}

} // namespace polyvirt::bench
