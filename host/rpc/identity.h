// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Identity: who is at the other end of a connection, and how it comes in. Filled at accept from the
// kernel, completed by authentication. A plain value.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace polyvirt::rpc {

enum class Transport : std::uint8_t { unix_socket, tcp, tls };
// "unix", "tcp", "tls": for people and metrics.
[[nodiscard]] const char* transport_name(Transport transport);

// What a listener asks of its clients before they may call anything. Numbered as the wire's
// auth_type, so that the answer of auth_list is this.
enum class AuthMethod : std::uint8_t { none = 0, sasl = 1, polkit = 2 };

struct Identity {
    Transport transport = Transport::unix_socket;
    uid_t uid = static_cast<uid_t>(-1); // -1, as the next two: not a process of this host
    gid_t gid = static_cast<gid_t>(-1);
    pid_t pid = -1;
    std::vector<gid_t> groups; // supplementary ones of the peer's process (SO_PEERGROUPS)
    std::string security_label; // of the peer's process (SO_PEERSEC); empty = none
    // Both ends as "ADDRESS:PORT", "[ADDRESS]:PORT" with IPv6; "127.0.0.1:0" for unix sockets, as
    // the peer's admin tool shows it.
    std::string address, local_address;
    bool readonly = false; // came in through a read-only listener
    bool admin = false;    // came in through the admin listener
    std::uint32_t listener = 0; // that listener's number in its server; 0: handed over
    std::string sasl_user; // empty = not authenticated that way
    std::string x509_dname; // of the certificate that TLS has verified; empty = none
    unsigned secret_bits = 0; // strength of the encryption (TLS or SASL); 0 = clear text

    [[nodiscard]] bool is_local() const { return transport == Transport::unix_socket; }
    // Whose quota it counts against: "uid 1000" on unix sockets, else the address without its port.
    [[nodiscard]] std::string peer() const;
    [[nodiscard]] bool is_secure() const {
        return transport == Transport::unix_socket || secret_bits != 0;
    }
};

// The kernel's start time of a process (clock ticks since boot), which tells a pid from its later
// reuse; 0 when the process is gone. Reads /proc: not on rpc-loop.
[[nodiscard]] std::uint64_t process_start_time(pid_t pid);

} // namespace polyvirt::rpc
