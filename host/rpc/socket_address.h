// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Addresses of sockets as text: "127.0.0.1:16509", "[::1]:16509"; numbers only, nothing is looked up.
// "127.0.0.1:0" for a unix socket, "" when there is none to be had.

#include <string>

#include <sys/socket.h>

namespace polyvirt::rpc {

[[nodiscard]] std::string address_text(const sockaddr* address, socklen_t size);
[[nodiscard]] std::string local_address_text(int fd);

} // namespace polyvirt::rpc
