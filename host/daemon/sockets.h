// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The ways in: which sockets the daemon listens on, from its settings. Leader, before clients are served.

#include "base/result.h"
#include "host/daemon/config.h"
#include "host/daemon/paths.h"

namespace polyvirt::rpc {
class Server;
}

namespace polyvirt::daemon {

struct Servers {
    rpc::Server& main;
    rpc::Server& admin;
};

// All or none: an error names the socket and the setting.
Status open_sockets(const Config& config, const Paths& paths, const Servers& servers);

} // namespace polyvirt::daemon
