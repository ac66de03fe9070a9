// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "plugins/lxc/supervisor/power.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <initializer_list>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace polyvirt::lxc {
namespace {

// The request of initctl(5).
struct Request {
    std::int32_t magic = 0x03091969;
    std::int32_t command = 1; // change of run level
    std::int32_t runlevel = 0;
    std::int32_t sleep = 0;
    char reserved[368] = {};
};
static_assert(sizeof(Request) == 384);

int write_request(int root, const char* path, char runlevel) {
    // Whatever the container has made of its paths: they end within it, and only a pipe is written to.
    open_how how{};
    how.flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const auto fd = static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
    if (fd < 0) return errno;
    struct stat info {};
    int error = ::fstat(fd, &info) != 0 ? errno : S_ISFIFO(info.st_mode) ? 0 : ENOENT;
    Request request;
    request.runlevel = runlevel;
    if (error == 0 && ::write(fd, &request, sizeof request) != static_cast<ssize_t>(sizeof request)) error = errno;
    ::close(fd);
    return error;
}

} // namespace

int ask_initctl(pid_t init, char runlevel) {
    char path[64];
    (void)std::snprintf(path, sizeof path, "/proc/%d/root", static_cast<int>(init));
    const int root = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return errno;
    int error = ENOENT;
    for (const char* pipe : {"run/initctl", "dev/initctl", "etc/.initctl"}) {
        error = write_request(root, pipe, runlevel);
        if (error != ENOENT) break;
    }
    ::close(root);
    return error;
}

} // namespace polyvirt::lxc
