// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// File systems that come into a container which runs, and go.

#include <string>

#include <sys/types.h>

namespace polyvirt::lxc {

struct MountRequest {
    std::string type;   // "mount": a folder, file or device of the host; "bind": of the container; "ram"; "block"
    std::string source = {}; // of "block": the device
    std::string kind = {};   // of "block": its file system
    std::string target;      // from the container's root on
    std::string size = {};   // of "ram": bytes
    bool readonly = false;
};

// What went wrong, or nothing. In a child, which joins the container's mounts: paths in it are looked up as it sees them.
std::string mount_inside(pid_t init, const MountRequest& request);
// `place`: what it was mounted on goes, too.
std::string unmount_inside(pid_t init, const std::string& target, bool place);

} // namespace polyvirt::lxc
