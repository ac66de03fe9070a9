// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "plugins/lxc/supervisor/mounts.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polyvirt::lxc {
namespace {

std::string failed(const std::string& what) { return what + ": " + std::strerror(errno); } // NOLINT(concurrency-mt-unsafe)

// Runs `work` in a child; what it says went wrong.
std::string in_child(const std::function<std::string()>& work) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string error = work();
        (void)!::write(ends[1], error.data(), error.size());
        ::_exit(error.empty() ? 0 : 1);
    }
    const std::string no_child = child < 0 ? failed("fork") : std::string();
    ::close(ends[1]);
    std::string error(4096, '\0');
    ssize_t n = 0;
    while (child > 0 && (n = ::read(ends[0], error.data(), error.size())) < 0 && errno == EINTR) continue;
    ::close(ends[0]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (child < 0) return no_child;
    error.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return error.empty() && status != 0 ? "the helper has died" : error;
}

std::string join_mounts(pid_t init) {
    const std::string path = "/proc/" + std::to_string(init) + "/ns/mnt";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::setns(fd, CLONE_NEWNS) != 0) return failed(path);
    ::close(fd);
    return {};
}

// A file system of its own that is nowhere yet; below 0: errno says why not.
int fresh(const std::string& kind, const std::string& source, const std::string& size, bool readonly) {
    const int fs = ::fsopen(kind.c_str(), FSOPEN_CLOEXEC);
    if (fs < 0) return -1;
    const auto set = [fs](const char* key, const std::string& value) {
        return value.empty() || ::fsconfig(fs, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
    };
    const bool made = set("source", source) && set("size", size) && set("mode", size.empty() ? "" : "0755") &&
                      (!readonly || ::fsconfig(fs, FSCONFIG_SET_FLAG, "ro", nullptr, 0) == 0) &&
                      ::fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
    return made ? ::fsmount(fs, FSMOUNT_CLOEXEC, 0) : -1;
}

int copy_of(const std::string& path, bool all_below) {
    return ::open_tree(AT_FDCWD, path.c_str(),
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (all_below ? static_cast<unsigned>(AT_RECURSIVE) : 0U));
}

// Folders on the way, and the place itself: a folder, or a file for a file.
bool make_place(const std::string& target, bool folder) {
    for (std::size_t at = target.find('/', 1); at != std::string::npos; at = target.find('/', at + 1))
        (void)::mkdir(target.substr(0, at).c_str(), 0755);
    if (folder) return ::mkdir(target.c_str(), 0755) == 0 || errno == EEXIST;
    const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

std::string mount_it(pid_t init, const MountRequest& r) {
    int fd = -1;
    if (r.type == "mount") fd = copy_of(r.source, true); // as the host sees it, so before the step inside
    if (r.type == "ram") fd = fresh("tmpfs", "tmpfs", r.size, false);
    if (r.type == "block") fd = fresh(r.kind, r.source, "", r.readonly);
    if (fd < 0 && r.type != "bind") return failed("Unable to take '" + r.source + "'");
    if (std::string error = join_mounts(init); !error.empty()) return error;
    if (r.type == "bind") fd = copy_of(r.source, false);
    struct stat info {};
    if (fd < 0 || ::fstat(fd, &info) != 0) return failed("Unable to take '" + r.source + "'");
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (r.readonly && ::mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
        return failed("Unable to make it read-only");
    if (!make_place(r.target, S_ISDIR(info.st_mode))) return failed("Unable to make '" + r.target + "'");
    if (::move_mount(fd, "", AT_FDCWD, r.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return failed("Unable to mount on '" + r.target + "'");
    return {};
}

} // namespace

std::string mount_inside(pid_t init, const MountRequest& request) {
    return in_child([&] { return mount_it(init, request); });
}

std::string unmount_inside(pid_t init, const std::string& target, bool place) {
    return in_child([&]() -> std::string {
        if (std::string error = join_mounts(init); !error.empty()) return error;
        // Whoever still uses it does so until he ends; nobody new comes to it.
        if (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) return failed("Unable to unmount '" + target + "'");
        if (place) ::unlink(target.c_str());
        return {};
    });
}

} // namespace polyvirt::lxc
