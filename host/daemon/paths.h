// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where the daemon keeps its files: system folders for root, XDG folders for a user's session, or all of
// it under one folder (--root). Plain values.

#include <string>

#include "base/result.h"
#include "host/plugin/manager.h"

namespace polyvirt::daemon {

struct Paths {
    plugin::HostPaths host; // etc, state, run, cache, log: absolute
    [[nodiscard]] std::string socket() const { return host.run + "/polyvirt-sock"; }
    [[nodiscard]] std::string socket_ro() const { return host.run + "/polyvirt-sock-ro"; }
    [[nodiscard]] std::string socket_admin() const { return host.run + "/polyvirt-admin-sock"; }
    [[nodiscard]] std::string pid_file() const { return host.run + "/polyvirtd.pid"; }
    [[nodiscard]] std::string config_file() const { return host.etc + "/polyvirtd.yaml"; }
};

// `root` empty: by who runs the daemon. The folders are made, with modes as the contents want them.
Result<Paths> make_paths(const std::string& root, bool privileged);

// Folders of plugins beside the running program: build tree (../plugins) or installation.
std::string default_plugin_dir();

} // namespace polyvirt::daemon
