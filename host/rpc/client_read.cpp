// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/socket.h>

#include "base/error_text.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {
namespace {

constexpr std::uint32_t kKeepaliveProgram = 0x6b656570;
// Reads per wake-up, so that one busy client does not hold up the others for long.
constexpr int kRounds = 8;
// Calls of one client that are answered on this thread per wake-up; the workers get the rest.
constexpr unsigned kQuickCalls = 64;

// Takes every descriptor out of the control data; the kernel closed what did not fit.
std::vector<UniqueFd> descriptors_of(msghdr& from) {
    std::vector<UniqueFd> fds;
    for (cmsghdr* c = CMSG_FIRSTHDR(&from); c != nullptr; c = CMSG_NXTHDR(&from, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < n; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return fds;
}

} // namespace

void Client::on_ready(unsigned what) {
    if (layer_.handshake != nullptr)
        return handshake_ready(what);
    if ((what & loop::kWritable) != 0)
        write_ready();
    if ((what & loop::kReadable) != 0 && !reading_paused_ && !is_closed())
        read_ready();
}

std::uint32_t Client::max_packet() const {
    return authenticated() ? protocol::kMaxPacket : max_anonymous_packet_;
}

void Client::read_ready() {
    quick_left_ = kQuickCalls;
    reader_.set_max_packet(max_packet());
    for (int round = 0; round < kRounds; ++round)
        if (!read_once() || is_closed() || reading_paused_)
            return;
}

// False when the socket has, as far as one can tell, nothing more.
bool Client::read_once() {
    if (Layer* layer = layer_.reading.load(std::memory_order_acquire))
        return read_through(*layer);
    const std::span<std::uint8_t> direct = reader_.direct_room();
    auto& scratch = server_->scratch;
    iovec parts[2] = {{direct.data(), direct.size()}, {scratch.data(), scratch.size()}};
    const bool skip_first = direct.empty();
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int) * protocol::kMaxFds)];
    msghdr message{};
    message.msg_iov = parts + (skip_first ? 1 : 0);
    message.msg_iovlen = skip_first ? 1 : 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(loop_fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return read_failed(n, errno);
    std::vector<UniqueFd> fds = descriptors_of(message);
    if (n == 0)
        return read_failed(n, 0);
    if (keepalive_.started())
        keepalive_.heard(loop::Clock::now());
    const auto got = static_cast<std::size_t>(n);
    server_->received_bytes.fetch_add(got, std::memory_order_relaxed);
    const std::size_t first = std::min(got, direct.size());
    const bool perhaps_more = !fds.empty() || got == direct.size() + scratch.size();
    feeding_ = true;
    const auto fault = reader_.feed(first, {scratch.data(), got - first}, std::move(fds), *this);
    feeding_ = false;
    if (std::exchange(flush_due_, false))
        flush();
    if (fault != nullptr)
        close(fault);
    return perhaps_more;
}

// A read that brought nothing; true if it may be tried again at once.
bool Client::read_failed(ssize_t n, int error) {
    if (n < 0 && error == EINTR)
        return true;
    if (n == 0 || error == ECONNRESET)
        end(log::Level::debug, "the client left");
    else if (error != EAGAIN)
        close(std::system_category().message(error));
    return false;
}

void Client::on_packet(const Header& header, PacketBuffer packet, std::vector<UniqueFd> fds) {
    if (!heard_) {
        heard_ = true;
        server_->heard(id_);
    }
    if (is_closed() || leaving_.load(std::memory_order_acquire))
        return;
    switch (header.type) {
    case MsgType::call:
    case MsgType::call_with_fds:
        take_call(header, std::move(packet), std::move(fds));
        break;
    case MsgType::message:
        if (header.prog == kKeepaliveProgram)
            keepalive_packet(header);
        break;
    case MsgType::stream:
    case MsgType::stream_hole:
        stream_packet(header, std::move(packet));
        break;
    case MsgType::reply:
    case MsgType::reply_with_fds:
    default:
        break; // as the peer does: dropped without a word
    }
}

void Client::on_dropped(const Header& header) {
    switch (header.type) {
    case MsgType::call:
    case MsgType::call_with_fds:
        refuse(header, "the daemon holds as much unfinished input as it may");
        break;
    case MsgType::stream:
    case MsgType::stream_hole:
        if (const auto stream = find_stream(header))
            stream->fail(make_error(ErrorCode::resource_busy, ErrorDomain::streams,
                                    "data of the stream was lost: the daemon holds as much "
                                    "unfinished input as it may"));
        break;
    default:
        break;
    }
}

} // namespace polyvirt::rpc
