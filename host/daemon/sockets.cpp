// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/sockets.h"

#include "base/error_text.h"
#include "host/daemon/setting_checks.h"
#include "host/rpc/server.h"

namespace polyvirt::daemon {
namespace {

Result<gid_t> group_of(const Config& config, std::string_view path) {
    const std::string& name = config.text(path);
    if (name.empty()) return static_cast<gid_t>(-1);
    if (const auto id = group_id(name)) return *id;
    return make_error(ErrorCode::conf_syntax, ErrorDomain::conf,
                      "{}: found '{}', expected a group of this system", config.where(path), name);
}

} // namespace

Status open_sockets(const Config& config, const Paths& paths, const Servers& servers) {
    PV_ASSIGN_OR_RETURN(const gid_t group, group_of(config, "listen.unix.group"));
    PV_ASSIGN_OR_RETURN(const gid_t admin_group, group_of(config, "listen.unix.admin_group"));
    const auto backlog = static_cast<int>(config.integer("listen.unix.backlog"));
    PV_TRY(servers.main.add_listener({.path = paths.socket(),
                                      .mode = static_cast<mode_t>(config.mode("listen.unix.mode")),
                                      .group = group,
                                      .backlog = backlog}));
    if (config.flag("listen.unix.readonly"))
        PV_TRY(
            servers.main.add_listener({.path = paths.socket_ro(),
                                       .mode = static_cast<mode_t>(config.mode("listen.unix.readonly_mode")),
                                       .group = group,
                                       .readonly = true,
                                       .backlog = backlog}));
    return servers.admin.add_listener({.path = paths.socket_admin(),
                                       .mode = static_cast<mode_t>(config.mode("listen.unix.admin_mode")),
                                       .group = admin_group,
                                       .admin = true,
                                       .backlog = backlog});
}

} // namespace polyvirt::daemon
