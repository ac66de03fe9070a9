// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Listener: one unix socket on which clients arrive. Opened (bound and listening) at once, so that
// early clients wait in the backlog; watched later by its Server.

#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::rpc {

struct ListenerConfig {
    std::string path = {};
    mode_t mode = 0700;
    gid_t group = static_cast<gid_t>(-1); // -1 = the process's
    bool readonly = false;                // every client of it is read-only
    bool admin = false;         // the peer's uid must be ours; others are dropped at accept
    bool auth_required = false; // false: clients count as authenticated from the start
    int backlog = 4096;
};

class Listener {
  public:
    // Replaces a socket file that nobody answers on; a live one, or a file that is no socket, is an
    // error. The file is never wider open than `mode`, whatever the umask, and appears under its
    // name only when clients may connect.
    static Result<Listener> open(ListenerConfig config);
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
