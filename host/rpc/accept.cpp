// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/server_shared.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "host/rpc/socket_address.h"
#include "host/rpc/tls_session.h"

namespace polyvirt::rpc {
namespace {

constexpr int kAcceptsPerRound = 64;
constexpr auto kDescriptorPause = std::chrono::milliseconds(100);

// Of the peer's process when it connected.
std::vector<gid_t> groups_of(int fd) {
    std::vector<gid_t> groups(32);
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int result = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
        if (result != 0 && errno != ERANGE) return {};
        groups.resize(size / sizeof(gid_t)); // when there were more: now as many as needed
        if (result == 0) break;
    }
    return groups;
}

// False: it is gone already.
bool fill_credentials(int fd, Identity& identity) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    identity.uid = peer.uid;
    identity.gid = peer.gid;
    identity.pid = peer.pid;
    identity.groups = groups_of(fd);
    return true;
}

std::string security_label_of(int fd) {
    static std::atomic<bool> no_labels{false}; // no security module: do not ask for each client
    if (no_labels.load(std::memory_order_relaxed))
        return {};
    std::array<char, 1024> label{};
    auto size = static_cast<socklen_t>(label.size());
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label.data(), &size) != 0) {
        if (errno == ENOPROTOOPT)
            no_labels.store(true, std::memory_order_relaxed);
        return {};
    }
    std::string text(label.data(), std::min<std::size_t>(size, label.size()));
    while (!text.empty() && text.back() == '\0')
        text.pop_back();
    return text;
}

} // namespace

void ServerShared::watch_doors() {
    if (stopping.load())
        return;
    for (Door& door : doors) {
        if (door.watch)
            continue;
        door.watch = loop.add_fd(door.listener.fd(), loop::kReadable,
                                 [this, &door](unsigned) { accept_ready(door); });
        door.resume = loop.add_timer([&door] { door.watch.set_events(loop::kReadable); });
    }
}

// The closures refer to the doors, so the watches go first; on the loop's thread that is at once.
void ServerShared::close_doors() {
    for (Door& door : doors) {
        door.watch.remove();
        door.resume.remove();
        door.listener.close();
    }
}

void ServerShared::accept_ready(Door& door) {
    for (int i = 0; i < kAcceptsPerRound; ++i)
        if (!accept_one(door))
            return;
}

bool ServerShared::accept_one(Door& door) {
    const ListenerConfig& config = door.listener.config();
    const bool remote = config.transport != Transport::unix_socket;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    UniqueFd fd(::accept4(door.listener.fd(), remote ? address : nullptr, remote ? &size : nullptr,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
        const int error = errno;
        if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
            out_of_descriptors(door, error);
        return error == EINTR || error == ECONNABORTED;
    }
    Identity identity;
    identity.transport = config.transport;
    identity.readonly = config.readonly;
    identity.admin = config.admin;
    identity.listener = door.number;
    if (remote) {
        identity.address = address_text(address, size);
        identity.local_address = local_address_text(fd.get());
    } else {
        identity.address = identity.local_address = "127.0.0.1:0";
        if (!fill_credentials(fd.get(), identity))
            return true;
        identity.security_label = security_label_of(fd.get());
    }
    if (config.admin && identity.uid != ::geteuid()) {
        log::warning("rpc", "server '{}': user {} turned away from the admin socket '{}'", name,
                     identity.uid, config.path);
        return true;
    }
    const std::string who = remote ? identity.address : fmt::format("user {}", identity.uid);
    auto tls = config.tls ? config.tls->new_session() : nullptr;
    if (config.tls && !tls) {
        log::error("rpc", "server '{}': {} turned away: no memory for TLS", name, who);
        return true;
    }
    if (const auto client = admit(std::move(fd), std::move(identity), config.auth, std::move(tls)))
        arrived(client);
    else
        log::warning("rpc", "server '{}': {} turned away: all places are taken (max_clients)", name,
                     who);
    return true;
}

// The backlog stays readable, so watching on would spin.
void ServerShared::out_of_descriptors(Door& door, int error) {
    log::error("rpc", "server '{}': cannot accept clients on '{}' for now: {}", name,
               door.listener.config().path, std::system_category().message(error));
    ClientPtr victim;
    {
        ServerLock lock(mu);
        if (!silent.empty()) {
            victim = std::move(silent.begin()->second);
            silent.erase(silent.begin());
        }
    }
    if (victim)
        victim->close("descriptors ran out, and it has said nothing so far");
    door.watch.set_events(0);
    door.resume.arm(victim ? std::chrono::milliseconds(1) : kDescriptorPause);
}

} // namespace polyvirt::rpc
