// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The ways in: which sockets the daemon listens on, from its settings and from whoever started it with sockets open
// (socket activation). Leader, before clients are served.

#include <string_view>

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

// What a listening socket is for.
enum class Role : std::uint8_t { unknown, read_write, read_only, admin };

// By the name that systemd hands over with a socket (FileDescriptorName=: rw, ro, admin; or the socket unit's name), else
// by the end of its path ("-sock", "-sock-ro", "-admin-sock").
Role role_of(std::string_view name, std::string_view path);

// Sockets that were handed over first; those of the settings for roles that none was handed over for; then, if asked for,
// libvirt's paths. All or none: an error names the socket and the setting.
Status open_sockets(const Config& config, const Paths& paths, const Servers& servers);

} // namespace polyvirt::daemon
