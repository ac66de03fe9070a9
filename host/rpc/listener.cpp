// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/listener.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error_text.h"

namespace polyvirt::rpc {
namespace {

Error failed(const std::string& path, std::string_view what, int error) {
    return make_system_error(error, ErrorDomain::rpc, fmt::format("socket '{}': {}", path, what));
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc,
                          "socket '{}': the path has {} bytes, the system allows "
                          "1 to {}",
                          path, path.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

// The name may be taken over: nothing is there, or a socket that nobody answers on.
Status check_free(const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
        return errno == ENOENT ? Status() : failed(path, "cannot look at it", errno);
    if (!S_ISSOCK(found.st_mode))
        return make_error(ErrorCode::operation_failed, ErrorDomain::rpc,
                          "socket '{}': something that is no socket has this "
                          "name; remove it",
                          path);
    PV_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(path));
    const UniqueFd probe = new_socket();
    if (!probe)
        return failed(path, "cannot make a socket", errno);
    if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN)
        return make_error(ErrorCode::operation_failed, ErrorDomain::rpc,
                          "socket '{}': another process serves it; stop that one "
                          "or use another path",
                          path);
    return errno == ECONNREFUSED || errno == ENOENT
               ? Status()
               : failed(path, "cannot tell if it is in use", errno);
}

} // namespace

Result<Listener> Listener::open(ListenerConfig config) {
    PV_TRY(address_of(config.path));
    PV_TRY(check_free(config.path));
    // Bound under a name of its own, then renamed: nobody meets a socket that does not listen yet
    // or has other permissions than it will have.
    const std::string temporary = fmt::format("{}.{}", config.path, ::getpid());
    PV_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(temporary));
    UniqueFd fd = new_socket();
    if (!fd)
        return failed(config.path, "cannot make a socket", errno);
    ::unlink(temporary.c_str());
    // Linux takes the file's mode from the socket's own, less the umask.
    if (::fchmod(fd.get(), config.mode) != 0)
        return failed(config.path, "cannot set its mode", errno);
    if (::bind(fd.get(), generic(address), sizeof address) != 0)
        return failed(config.path, "cannot bind", errno);
    Listener listener;
    listener.fd_ = std::move(fd);
    struct stat own {};
    const auto fail = [&](std::string_view what) {
        const int error = errno;
        ::unlink(temporary.c_str());
        return failed(config.path, what, error);
    };
    if (config.group != static_cast<gid_t>(-1) &&
        ::chown(temporary.c_str(), static_cast<uid_t>(-1), config.group) != 0)
        return fail("cannot change its group");
    if (::chmod(temporary.c_str(), config.mode) != 0)
        return fail("cannot set its mode");
    if (::listen(listener.fd_.get(), config.backlog) != 0)
        return fail("cannot listen");
    if (::lstat(temporary.c_str(), &own) != 0)
        return fail("cannot look at it");
    if (::rename(temporary.c_str(), config.path.c_str()) != 0)
        return fail("cannot rename it");
    listener.device_ = own.st_dev;
    listener.inode_ = own.st_ino;
    listener.owns_file_ = true;
    listener.config_ = std::move(config);
    return listener;
}

Result<Listener> Listener::adopt(UniqueFd fd, ListenerConfig config) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
        return failed(config.path, "the descriptor handed over is no socket", errno);
    if (listening == 0)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc,
                          "socket '{}': the descriptor handed over does not listen", config.path);
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return failed(config.path, "cannot make the descriptor handed over non-blocking", errno);
    Listener listener;
    listener.fd_ = std::move(fd);
    listener.config_ = std::move(config);
    return listener;
}

void Listener::close() {
    if (!fd_)
        return;
    fd_.reset();
    struct stat now {};
    if (owns_file_ && ::lstat(config_.path.c_str(), &now) == 0 && now.st_dev == device_ &&
        now.st_ino == inode_)
        ::unlink(config_.path.c_str());
}

} // namespace polyvirt::rpc
