// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/listener.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error_text.h"
#include "host/rpc/socket_address.h"

namespace polyvirt::rpc {
namespace {

constexpr int kProbes = 3;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Error tcp_failed(const std::string& name, std::string_view what, int error) {
    return make_system_error(error, ErrorDomain::rpc,
                             fmt::format("TCP socket '{}': {}", name, what));
}

Result<Addresses> look_up(const TcpListenerConfig& config) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const std::string port = std::to_string(config.port);
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(config.address.empty() ? nullptr : config.address.c_str(),
                                    port.c_str(), &wanted, &found);
    Addresses list(found, &::freeaddrinfo);
    if (error != 0 || !list)
        return make_error(ErrorCode::unknown_host, ErrorDomain::rpc,
                          "'{}': it is neither an address nor a name of this host ({})",
                          config.address, ::gai_strerror(error));
    return list;
}

// Of several addresses, one whose protocol this host lacks or has switched off.
bool is_missing_protocol(const Error& error, const TcpListenerConfig& config) {
    return error.int1 == EAFNOSUPPORT || (error.int1 == EADDRNOTAVAIL && config.address.empty());
}

bool set(int fd, int level, int option, int value) {
    return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// Connections inherit these from the socket that accepts them: no system call for each.
bool set_options(int fd, const addrinfo& address, unsigned idle_seconds) {
    const int idle = static_cast<int>(std::min(idle_seconds, 32'767U)); // the kernel's most
    return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
           // "::" beside "0.0.0.0", not instead of it
           (address.ai_family != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
           (idle == 0 ||
            (set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle) &&
             set(fd, IPPROTO_TCP, TCP_KEEPINTVL, idle) &&
             set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes)));
}

Result<UniqueFd> listen_on(const addrinfo& address, const TcpListenerConfig& config) {
    const std::string name = address_text(address.ai_addr, address.ai_addrlen);
    UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return tcp_failed(name, "cannot make it", errno);
    if (!set_options(fd.get(), address, config.idle_seconds))
        return tcp_failed(name, "cannot set its options", errno);
    if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0)
        return tcp_failed(name, "cannot bind", errno);
    if (::listen(fd.get(), config.backlog) != 0)
        return tcp_failed(name, "cannot listen", errno);
    return fd;
}

} // namespace

Result<std::vector<Listener>> Listener::open_tcp(const TcpListenerConfig& config) {
    PV_ASSIGN_OR_RETURN(const Addresses list, look_up(config));
    std::vector<Listener> open;
    std::optional<Error> unknown_protocol;
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
        auto fd = listen_on(*one, config);
        if (!fd && is_missing_protocol(fd.error(), config)) {
            unknown_protocol = std::move(fd).error();
            continue;
        }
        if (!fd)
            return std::move(fd).error();
        Listener listener;
        listener.config_.path = local_address_text(fd->get());
        listener.config_.auth = config.auth;
        listener.config_.backlog = config.backlog;
        listener.config_.transport = config.tls ? Transport::tls : Transport::tcp;
        listener.config_.tls = config.tls;
        listener.fd_ = *std::move(fd);
        open.push_back(std::move(listener));
    }
    if (open.empty())
        return *std::move(unknown_protocol);
    return open;
}

} // namespace polyvirt::rpc
