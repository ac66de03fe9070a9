// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Listener: one socket, unix or TCP, on which clients arrive. Opened (bound and listening) at once, so
// that early clients wait in the backlog; watched later by its Server.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "host/rpc/identity.h"

namespace polyvirt::rpc {

class TlsContext;

struct ListenerConfig {
    std::string path = {}; // of a TCP socket: its address, "127.0.0.1:16509"
    mode_t mode = 0700;
    gid_t group = static_cast<gid_t>(-1); // -1 = the process's
    bool readonly = false;                // every client of it is read-only
    bool admin = false; // the peer's uid must be ours; others are dropped at accept
    AuthMethod auth = AuthMethod::none;
    int backlog = 4096;
    // What follows is set by open_tcp().
    Transport transport = Transport::unix_socket;
    std::shared_ptr<TlsContext> tls = {};
};

struct TcpListenerConfig {
    std::string address = {}; // a numeric address or a host's name; empty: every address of the host
    std::uint16_t port = 16509; // 0: one that is free
    AuthMethod auth = AuthMethod::sasl;
    std::shared_ptr<TlsContext> tls = {}; // null: clear text
    int backlog = 4096;
    // A silent connection is probed after `idle_seconds`, and given up after three probes, each
    // that long after the last. 0: never.
    unsigned idle_seconds = 60;
};

class Listener {
  public:
    // Replaces a socket file that nobody answers on; a live one, or a file that is no socket, is an
    // error. The file is never wider open than `mode`, whatever the umask, and appears under its
    // name only when clients may connect.
    static Result<Listener> open(ListenerConfig config);
    // One per address that `address` stands for, IPv4 and IPv6. One that the system has no protocol
    // for is left out, unless it is the only one. Looks names up: not on rpc-loop.
    static Result<std::vector<Listener>> open_tcp(const TcpListenerConfig& config);
    // A listening socket from elsewhere (socket activation); its file is not removed at the end.
    static Result<Listener> adopt(UniqueFd fd, ListenerConfig config);

    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) noexcept = default;
    ~Listener() { close(); }

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const ListenerConfig& config() const { return config_; }
    // Removes the file, if it is still this listener's.
    void close();

  private:
    Listener() = default;
    ListenerConfig config_;
    UniqueFd fd_;
    bool owns_file_ = false;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace polyvirt::rpc
