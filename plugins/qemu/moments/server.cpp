// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/server.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr int kBacklog = 16;

std::string attribute(const sdk::xml::Node& node, std::string_view name) {
    const std::string* const value = node.attribute(name);
    return value != nullptr ? *value : std::string();
}

Result<UniqueFd> listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "the path '{}' is too long for a socket", path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot listen on '" + path + "'");
    return fd;
}

Result<UniqueFd> listen_tcp(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* list = nullptr;
    if (const int found = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list); found != 0)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "'{}' port '{}' is no place to listen: {}", host, port, ::gai_strerror(found));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, &::freeaddrinfo);
    int why = 0;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        UniqueFd fd(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int yes = 1;
        if (fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
            ::bind(fd.get(), one->ai_addr, one->ai_addrlen) == 0 && ::listen(fd.get(), kBacklog) == 0)
            return fd;
        why = errno;
    }
    return make_system_error(why, ErrorDomain::qemu, fmt::format("cannot listen on '{}' port '{}'", host, port));
}

} // namespace

Result<ServerPlace> server_place(const sdk::domain::Backup& backup) {
    ServerPlace place{.socket = {}, .host = "localhost", .port = "10809"};
    std::string transport = "tcp";
    for (const auto& node : backup.kept) {
        if (node.name != "server") continue;
        if (attribute(node, "tls") == "yes")
            return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "TLS is not supported for the server of a backup");
        if (const std::string text = attribute(node, "transport"); !text.empty()) transport = text;
        if (const std::string text = attribute(node, "name"); !text.empty()) place.host = text;
        if (const std::string text = attribute(node, "port"); !text.empty()) place.port = text;
        place.socket = attribute(node, "socket");
    }
    if (transport == "tcp") {
        place.socket.clear();
        return place;
    }
    if (transport != "unix")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "unsupported transport '{}' of the server of a backup", transport);
    if (!place.socket.starts_with('/'))
        return make_error(ErrorCode::xml_error, ErrorDomain::qemu, "backup socket path '{}' must be absolute", place.socket);
    return place;
}

Result<UniqueFd> listen_at(const ServerPlace& place) {
    return place.socket.empty() ? listen_tcp(place.host, place.port) : listen_unix(place.socket);
}

} // namespace polyvirt::qemu
