// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where the daemon keeps its files: system folders for root, XDG folders for a user's session, or all of
// it under one folder (--root). Plain values.

#include <string>
#include <vector>

#include "base/result.h"
#include "host/plugin/manager.h"

namespace polyvirt::daemon {

struct Paths {
    plugin::HostPaths host; // etc, state, run, cache, log: absolute
    std::string listen{};   // folder of the sockets; empty: the run folder
    [[nodiscard]] const std::string& sockets() const { return listen.empty() ? host.run : listen; }
    [[nodiscard]] std::string socket() const { return sockets() + "/polyvirt-sock"; }
    [[nodiscard]] std::string socket_ro() const { return sockets() + "/polyvirt-sock-ro"; }
    [[nodiscard]] std::string socket_admin() const { return sockets() + "/polyvirt-admin-sock"; }
    // Where libvirt's daemons listen, beside our own run folder.
    [[nodiscard]] std::string drop_in() const { return host.run.substr(0, host.run.rfind('/')) + "/libvirt"; }
    [[nodiscard]] std::string pid_file() const { return host.run + "/polyvirtd.pid"; }
    [[nodiscard]] std::string config_file() const { return host.etc + "/polyvirtd.yaml"; }
    // Of the daemon whose place this one takes: /etc/libvirt/libvirtd.conf.
    [[nodiscard]] std::string libvirtd_conf() const {
        return host.etc.substr(0, host.etc.rfind('/')) + "/libvirt/libvirtd.conf";
    }
};

// `root` empty: by who runs the daemon. Looks at nothing on disk.
Result<Paths> find_paths(const std::string& root, bool privileged);
// Makes the folders, with modes as the contents want them.
Status make_folders(const Paths& paths);

// Folders of plugins, in order: beside the running program in a build tree (../plugins); else the installation's and
// the site's, for plugins that came from elsewhere.
std::vector<std::string> default_plugin_folders();

} // namespace polyvirt::daemon
