// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "console/ports.h"

#include <set>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/sync.h"
#include "base/unique_fd.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Graphics;
using sdk::domain::GraphicsType;

constexpr std::int32_t kFirst = 5900, kLast = 65'535;

class Taken {
  public:
    bool add(std::int32_t port) {
        const LeafLock lock(mu_);
        return ports_.insert(port).second;
    }
    void remove(std::int32_t port) {
        const LeafLock lock(mu_);
        ports_.erase(port);
    }

  private:
    Mutex mu_{Rank::leaf};
    std::set<std::int32_t> ports_ PV_GUARDED_BY(mu_);
};

Taken& taken() {
    static Taken all;
    return all;
}

bool wants_port(const Graphics& g) {
    if (g.type != GraphicsType::spice || g.autoport != sdk::domain::YesNo::yes || g.port.value_or(-1) > 0) return false;
    return !g.listens.empty() && g.listens.front().type == sdk::domain::ListenType::address;
}

// Whether somebody else on the host listens there.
bool is_free(const std::string& address, std::int32_t port) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    if (::getaddrinfo(address.c_str(), fmt::format("{}", port).c_str(), &hints, &found) != 0) return true; // the emulator will tell
    const UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    const bool free = fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd.get(), 1) == 0;
    ::freeaddrinfo(found);
    return free;
}

Result<std::int32_t> find_port(const std::string& address) {
    for (std::int32_t port = kFirst; port <= kLast; port++) {
        if (!taken().add(port)) continue;
        if (is_free(address.empty() ? "127.0.0.1" : address, port)) return port;
        taken().remove(port);
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Unable to find an unused port in range 'spice' ({}-{})", kFirst, kLast);
}

} // namespace

Status take_ports(const Driver& driver, Guest& guest) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest.mu);
        live = guest.live;
    }
    if (!live) return {};
    std::vector<std::pair<std::size_t, std::int32_t>> found; // of which display
    const auto& all = live->devices.graphics;
    for (std::size_t i = 0; i < all.size(); i++) {
        if (!wants_port(all[i])) continue;
        auto port = find_port(all[i].listens.front().address);
        if (!port) {
            for (const auto& [display, number] : found) taken().remove(number);
            return port.error();
        }
        found.emplace_back(i, *port);
    }
    if (found.empty()) return {};
    const ObjectLock lock(guest.mu);
    driver.edit_live(guest, [&](Domain& d) {
        for (const auto& [display, port] : found) d.devices.graphics[display].port = port;
    });
    return {};
}

void keep_ports(const Domain& live) {
    for (const Graphics& g : live.devices.graphics)
        if (g.type == GraphicsType::spice && g.port.value_or(-1) > 0) taken().add(*g.port);
}

void give_ports(const Domain& live) {
    for (const Graphics& g : live.devices.graphics)
        if (g.type == GraphicsType::spice && g.port.value_or(-1) > 0) taken().remove(*g.port);
}

} // namespace polyvirt::qemu
