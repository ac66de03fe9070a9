// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/socket_address.h"

#include <array>

#include <netdb.h>

#include <fmt/core.h>

namespace polyvirt::rpc {

std::string address_text(const sockaddr* address, socklen_t size) {
    if (address->sa_family == AF_UNIX)
        return "127.0.0.1:0";
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return {};
    return fmt::format(fmt::runtime(address->sa_family == AF_INET6 ? "[{}]:{}" : "{}:{}"),
                       host.data(), port.data());
}

std::string local_address_text(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    return ::getsockname(fd, address, &size) == 0 ? address_text(address, size) : std::string();
}

} // namespace polyvirt::rpc
