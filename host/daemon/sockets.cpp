// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/sockets.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <system_error>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/daemon/remote_access.h"
#include "host/daemon/setting_checks.h"
#include "host/rpc/server.h"

namespace polyvirt::daemon {
namespace {

struct RoleName {
    std::string_view name;
    Role role;
};
constexpr std::array kNames = std::to_array<RoleName>({{"rw", Role::read_write},
                                                       {"polyvirtd.socket", Role::read_write},
                                                       {"ro", Role::read_only},
                                                       {"polyvirtd-ro.socket", Role::read_only},
                                                       {"admin", Role::admin},
                                                       {"polyvirtd-admin.socket", Role::admin}});
// The first that fits counts.
constexpr std::array kEnds = std::to_array<RoleName>(
    {{"-admin-sock", Role::admin}, {"-sock-ro", Role::read_only}, {"-sock", Role::read_write}});
constexpr std::array kRoles = {Role::read_write, Role::read_only, Role::admin};

Result<gid_t> group_of(const Config& config, std::string_view path) {
    const std::string& name = config.text(path);
    if (name.empty()) return static_cast<gid_t>(-1);
    if (const auto id = group_id(name)) return *id;
    return make_error(ErrorCode::conf_syntax, ErrorDomain::conf, "{}: found '{}', expected a group of this system",
                      config.where(path), name);
}

std::string_view mode_setting(Role role) {
    switch (role) {
    case Role::read_only: return "listen.unix.readonly_mode";
    case Role::admin: return "listen.unix.admin_mode";
    default: return "listen.unix.mode";
    }
}

Result<rpc::ListenerConfig> listener_of(const Config& config, Role role, std::string path) {
    rpc::ListenerConfig out;
    out.path = std::move(path);
    out.mode = static_cast<mode_t>(config.mode(mode_setting(role)));
    PV_ASSIGN_OR_RETURN(out.group,
                        group_of(config, role == Role::admin ? "listen.unix.admin_group" : "listen.unix.group"));
    out.readonly = role == Role::read_only;
    out.admin = role == Role::admin;
    if (role != Role::admin) out.auth = unix_auth(config, out.readonly);
    out.backlog = static_cast<int>(config.integer("listen.unix.backlog"));
    return out;
}

rpc::Server& server_of(const Servers& servers, Role role) {
    return role == Role::admin ? servers.admin : servers.main;
}

Status open_one(const Config& config, const Servers& servers, Role role, const std::string& path) {
    PV_ASSIGN_OR_RETURN(rpc::ListenerConfig listener, listener_of(config, role, path));
    return server_of(servers, role).add_listener(std::move(listener));
}

// "" for what is no unix socket, or has no name.
std::string path_of(int fd) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX) return {};
    if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return {};
    return {address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path)};
}

// The descriptors that systemd handed over; of each the name, "" where it gave none.
struct HandedOver {
    std::vector<UniqueFd> fds;
    std::vector<std::string> names;
};

Result<HandedOver> handed_over() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names); // and no child of ours hears of them
    if (count < 0) return make_system_error(-count, ErrorDomain::none, "the sockets that the daemon was started with");
    HandedOver out;
    for (int i = 0; i < count; ++i) {
        out.fds.emplace_back(SD_LISTEN_FDS_START + i);
        out.names.emplace_back(names != nullptr && names[i] != nullptr ? names[i] : "");
    }
    for (int i = 0; names != nullptr && names[i] != nullptr; ++i) std::free(names[i]); // NOLINT: libsystemd's
    std::free(names);                                                                   // NOLINT
    return out;
}

Status adopt_sockets(const Config& config, const Servers& servers, std::set<Role>& served) {
    PV_ASSIGN_OR_RETURN(HandedOver given, handed_over());
    for (std::size_t i = 0; i < given.fds.size(); ++i) {
        const std::string path = path_of(given.fds[i].get());
        const Role role = role_of(given.names[i], path);
        if (role == Role::unknown)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                              "socket {} that the daemon was started with (name '{}', path '{}') is none that it knows: "
                              "expected the name rw, ro or admin",
                              i, given.names[i], path);
        PV_ASSIGN_OR_RETURN(rpc::ListenerConfig listener,
                            listener_of(config, role, path.empty() ? "(handed over)" : path));
        PV_TRY(server_of(servers, role).adopt_listener(std::move(given.fds[i]), std::move(listener)));
        served.insert(role);
    }
    return {};
}

std::string own_path(const Paths& paths, Role role) {
    switch (role) {
    case Role::read_only: return paths.socket_ro();
    case Role::admin: return paths.socket_admin();
    default: return paths.socket();
    }
}

std::string drop_in_path(const Paths& paths, Role role, const std::string& name) {
    switch (role) {
    case Role::read_only: return paths.drop_in() + "/" + name + "-sock-ro";
    case Role::admin: return paths.drop_in() + "/" + name + "-admin-sock";
    default: return paths.drop_in() + "/" + name + "-sock";
    }
}

Status open_drop_in(const Config& config, const Paths& paths, const Servers& servers) {
    if (::mkdir(paths.drop_in().c_str(), 0755) != 0 && errno != EEXIST)
        return make_system_error(errno, ErrorDomain::none, "cannot make folder '" + paths.drop_in() + "'");
    for (const std::string& name : config.list("listen.drop_in.names"))
        for (const Role role : kRoles) {
            if (role == Role::read_only && !config.flag("listen.unix.readonly")) continue;
            if (Status opened = open_one(config, servers, role, drop_in_path(paths, role, name)); !opened)
                return make_error_text(opened.error().code, opened.error().domain,
                                       config.where("listen.drop_in.enabled") + ": " + opened.error().message);
        }
    return {};
}

} // namespace

Role role_of(std::string_view name, std::string_view path) {
    for (const RoleName& known : kNames)
        if (known.name == name) return known.role;
    for (const RoleName& end : kEnds)
        if (path.ends_with(end.name)) return end.role;
    return Role::unknown;
}

Status open_sockets(const Config& config, const Paths& paths, const Servers& servers) {
    std::set<Role> served;
    PV_TRY(adopt_sockets(config, servers, served));
    for (const Role role : kRoles) {
        if (served.count(role) != 0 || (role == Role::read_only && !config.flag("listen.unix.readonly"))) continue;
        PV_TRY(open_one(config, servers, role, own_path(paths, role)));
    }
    if (config.flag("listen.drop_in.enabled")) return open_drop_in(config, paths, servers);
    return {};
}

} // namespace polyvirt::daemon
