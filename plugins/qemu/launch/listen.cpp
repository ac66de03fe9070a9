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

Error failed(const char* what, const std::string& path, int why = errno) {
    return make_system_error(why, ErrorDomain::qemu, fmt::format("cannot {} the socket '{}'", what, path));
}

// An address holds 107 bytes, and folders may be deep: this one is named by a descriptor.
struct Place {
    UniqueFd folder;
    std::string name;
    sockaddr_un address{};
    [[nodiscard]] const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Result<Place> place_of(const char* what, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (path.empty() || path[0] != '/') return failed(what, path, EINVAL);
    Place place;
    place.folder = UniqueFd(::open(slash == 0 ? "/" : path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place.folder) return failed(what, path);
    place.name = path.substr(slash + 1);
    const std::string short_path = fmt::format("/proc/self/fd/{}/{}", place.folder.get(), place.name);
    place.address.sun_family = AF_UNIX;
    if (short_path.size() >= sizeof place.address.sun_path) return failed(what, path, ENAMETOOLONG);
    std::memcpy(place.address.sun_path, short_path.c_str(), short_path.size() + 1);
    return place;
}

} // namespace

Result<UniqueFd> listen_at(const std::string& path) {
    constexpr const char* kWhat = "listen on";
    PV_ASSIGN_OR_RETURN(const Place at, place_of(kWhat, path));
    struct stat st {};
    if (::fstatat(at.folder.get(), at.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode)) ::unlinkat(at.folder.get(), at.name.c_str(), 0);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), at.generic(), sizeof at.address) != 0 || ::listen(fd.get(), kBacklog) != 0) return failed(kWhat, path);
    return fd;
}

Result<UniqueFd> connect_to(const std::string& path) {
    constexpr const char* kWhat = "connect to";
    PV_ASSIGN_OR_RETURN(const Place at, place_of(kWhat, path));
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), at.generic(), sizeof at.address) != 0) return failed(kWhat, path);
    return fd;
}

} // namespace polyvirt::qemu
