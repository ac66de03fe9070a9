// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Daemon: the parts of the process in the order in which they start, and stop in two phases. Lives on
// the leader thread.
//
// Start: sockets are opened first (early clients queue in the backlog), then the loop runs, then the
// drivers start (they need the loop), then clients are served. Stop: nothing new is taken, calls in
// flight end (with a deadline), drivers stop and leave their guests running, then clients and loop go.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "host/daemon/config.h"
#include "host/daemon/options.h"
#include "host/daemon/paths.h"

namespace polyvirt::daemon {

class Daemon {
  public:
    static Result<std::unique_ptr<Daemon>> create(const Options& options);
    ~Daemon();

    // Serves until a signal asks to stop; returns the exit code.
    int run();
    // Prints "PROGRAM NAME implemented|missing" for every call of the wire's tables. Starts the plugins
    // for it, so give it a root of its own.
    void print_procedures();

  private:
    struct Parts;
    explicit Daemon(std::unique_ptr<Parts> parts);
    Status take_pid_file();
    Status open_remote_access(const Config& config);
    void start_plugins();
    void start_control();
    void stop();

    std::unique_ptr<Parts> parts_;
};

} // namespace polyvirt::daemon
