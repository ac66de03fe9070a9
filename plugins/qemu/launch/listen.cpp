// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/listen.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr int kBacklog = 16;

Error failed(const std::string& path) { return make_system_error(errno, ErrorDomain::qemu, "cannot listen on the socket '" + path + "'"); }

} // namespace

Result<UniqueFd> listen_at(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (path.empty() || path[0] != '/') {
        errno = EINVAL;
        return failed(path);
    }
    // An address holds 107 bytes, and folders may be deep: this one is named by a descriptor.
    const UniqueFd folder(::open(slash == 0 ? "/" : path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return failed(path);
    const std::string name = path.substr(slash + 1), short_path = fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (short_path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return failed(path);
    }
    std::memcpy(address.sun_path, short_path.c_str(), short_path.size() + 1);
    struct stat st {};
    if (::fstatat(folder.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode)) ::unlinkat(folder.get(), name.c_str(), 0);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return failed(path);
    return fd;
}

} // namespace polyvirt::qemu
