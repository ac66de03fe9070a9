// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/paths.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::daemon {
namespace {

namespace fs = std::filesystem;

// getenv is safe here: the only thread so far is this one.
std::string env_or(const char* name, const std::string& fallback) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return value != nullptr && value[0] == '/' ? std::string(value) : fallback;
}

Status make_folder(const std::string& path, mode_t mode) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return make_system_error(errno, ErrorDomain::none, "cannot make folder '" + path + "'");
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode))
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "'{}' is not a folder", path);
    return {};
}

plugin::HostPaths under(const std::string& root) {
    return {root + "/etc/polyvirt", root + "/var/lib/polyvirt", root + "/run/polyvirt",
            root + "/var/cache/polyvirt", root + "/var/log/polyvirt"};
}

plugin::HostPaths of_user() {
    const std::string home = env_or("HOME", "/nonexistent");
    const std::string run = env_or("XDG_RUNTIME_DIR", env_or("XDG_CACHE_HOME", home + "/.cache"));
    return {env_or("XDG_CONFIG_HOME", home + "/.config") + "/polyvirt",
            env_or("XDG_DATA_HOME", home + "/.local/share") + "/polyvirt", run + "/polyvirt",
            env_or("XDG_CACHE_HOME", home + "/.cache") + "/polyvirt",
            env_or("XDG_STATE_HOME", home + "/.local/state") + "/polyvirt"};
}

} // namespace

Result<Paths> find_paths(const std::string& root, bool privileged) {
    Paths paths;
    if (!root.empty()) {
        std::error_code error;
        const fs::path absolute = fs::absolute(root, error).lexically_normal();
        if (error)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "--root '{}': {}", root,
                              error.message());
        std::string text = absolute.string();
        while (text.size() > 1 && text.back() == '/') text.pop_back();
        paths.host = under(text == "/" ? "" : text);
    } else {
        paths.host = privileged ? under("") : of_user();
    }
    return paths;
}

Status make_folders(const Paths& paths) {
    // Guests' processes reach their sockets and images through state and run.
    PV_TRY(make_folder(paths.host.etc, 0755));
    PV_TRY(make_folder(paths.host.state, 0755));
    PV_TRY(make_folder(paths.host.run, 0755));
    PV_TRY(make_folder(paths.host.cache, 0755));
    PV_TRY(make_folder(paths.host.log, 0755));
    PV_TRY(make_folder(paths.sockets(), 0755));
    // A unix socket's path has 107 bytes (unix(7)): say so now, not with EINVAL later.
    if (paths.socket_admin().size() > 107)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                          "the path of the sockets, '{}', has {} bytes; the system allows 107",
                          paths.socket_admin(), paths.socket_admin().size());
    return {};
}

std::vector<std::string> default_plugin_folders() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    // Of an installation that was moved as a whole or installed with another prefix.
    std::string installed = POLYVIRT_PLUGIN_DIR;
    if (!error) {
        const fs::path prefix = self.parent_path().parent_path();
        if (fs::is_directory(prefix / "plugins", error)) return {(prefix / "plugins").string()}; // a build tree
        if (fs::is_directory(prefix / POLYVIRT_PLUGIN_DIR_INSTALLED, error))
            installed = (prefix / POLYVIRT_PLUGIN_DIR_INSTALLED).string();
    }
    return {installed, POLYVIRT_SITE_PLUGIN_DIR};
}

} // namespace polyvirt::daemon
