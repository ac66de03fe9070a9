// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/polyvirt/connection.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error_text.h"
#include "host/protocol/gen/polyvirt.h"
#include "host/protocol/gen/types.h"

namespace polyvirt::tools {
namespace {

using nlohmann::json;
namespace wire = protocol::polyvirt;

Error broken(std::string_view what) {
    return make_error(ErrorCode::rpc, ErrorDomain::rpc, "the daemon's answer cannot be understood: {}", what);
}

std::string env_or(const char* name, const std::string& fallback) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): one thread
    return value != nullptr && value[0] == '/' ? std::string(value) : fallback;
}

Status set_patience(int fd, std::chrono::milliseconds patience) {
    const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
        if (::setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit) != 0)
            return make_system_error(errno, ErrorDomain::none, "setsockopt");
    return {};
}

Error daemons_error(std::span<std::uint8_t> payload) {
    protocol::Arena arena;
    protocol::Decoder decoder(payload, arena);
    protocol::error found;
    if (!decode(decoder, found)) return broken("an error that is none");
    Error error;
    error.code = static_cast<ErrorCode>(found.code);
    error.domain = static_cast<ErrorDomain>(found.domain);
    error.message = std::string(found.message.view());
    return error;
}

} // namespace

Result<Connection> Connection::open(const std::string& socket_path, std::chrono::milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                          "the socket's path '{}' has {} bytes; the system allows {}", socket_path,
                          socket_path.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return make_system_error(errno, ErrorDomain::none, "socket");
    PV_TRY(set_patience(fd.get(), patience));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return make_system_error(errno, ErrorDomain::none, "no daemon answers on '" + socket_path + "'");
    return Connection(std::move(fd));
}

Status Connection::send(const std::vector<std::uint8_t>& packet) {
    for (std::size_t done = 0; done < packet.size();) {
        const ssize_t n = ::send(fd_.get(), packet.data() + done, packet.size() - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::none, "cannot write to the daemon");
        done += static_cast<std::size_t>(n);
    }
    return {};
}

Status Connection::receive(std::uint8_t* to, std::size_t n) {
    while (n != 0) {
        const ssize_t got = ::recv(fd_.get(), to, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return make_error(ErrorCode::operation_timeout, ErrorDomain::none, "the daemon did not answer");
        if (got < 0) return make_system_error(errno, ErrorDomain::none, "cannot read from the daemon");
        if (got == 0)
            return make_error(ErrorCode::rpc, ErrorDomain::rpc,
                              "the daemon closed the connection (the admin socket is for its own user alone)");
        to += got;
        n -= static_cast<std::size_t>(got);
    }
    return {};
}

Result<json> Connection::call(const std::string& command, const json& arguments) {
    const std::string text = arguments.dump(-1, ' ', false, json::error_handler_t::replace);
    const protocol::Header header{.prog = wire::kProgram,
                                  .vers = wire::kVersion,
                                  .proc = static_cast<std::int32_t>(wire::Proc::command),
                                  .serial = serial_++};
    protocol::Encoder encoder(protocol::begin_packet(header));
    encode(encoder, wire::command_args{.name = protocol::to_str(command), .arguments = protocol::to_str(text)});
    if (encoder.failed()) return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{}", encoder.failure());
    std::vector<std::uint8_t> packet = encoder.take();
    protocol::finish_packet(packet);
    PV_TRY(send(packet));

    std::uint8_t head[protocol::kMinPacket];
    PV_TRY(receive(head, sizeof head));
    const std::uint32_t length = protocol::load_be32(head);
    if (length < protocol::kMinPacket || length > protocol::kMaxPacket) return broken("its length");
    const protocol::Header reply = protocol::read_header(head + protocol::kLengthBytes);
    if (reply.type != protocol::MsgType::reply || reply.serial != header.serial) return broken("no reply to the call");
    std::vector<std::uint8_t> payload(length - protocol::kMinPacket);
    PV_TRY(receive(payload.data(), payload.size()));
    if (reply.status != protocol::MsgStatus::ok) return daemons_error(payload);
    protocol::Arena arena;
    protocol::Decoder decoder(payload, arena);
    wire::command_ret ret;
    if (!decode(decoder, ret)) return broken("its payload");
    json answer = json::parse(ret.answer.view(), nullptr, false);
    if (answer.is_discarded()) return broken("no JSON");
    return answer;
}

std::string default_admin_socket(const std::string& root) {
    constexpr const char* kName = "/polyvirt/polyvirt-admin-sock";
    if (!root.empty()) return root + "/run" + kName;
    if (::geteuid() == 0) return std::string("/run") + kName;
    const std::string home = env_or("HOME", "/nonexistent");
    return env_or("XDG_RUNTIME_DIR", env_or("XDG_CACHE_HOME", home + "/.cache")) + kName;
}

} // namespace polyvirt::tools
