// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "console/ports.h"

#include <optional>
#include <set>
#include <string_view>
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

struct Ports {
    bool plain = false, secure = false;
};

// Those that have to be found. Which channels go over TLS decides which of the two are needed; "any" takes what there is.
Ports wanted(const Graphics& g, bool tls) {
    Ports want;
    if (g.type != GraphicsType::spice || g.listens.empty()) return want;
    const auto listen = g.listens.front().type;
    if (listen != sdk::domain::ListenType::address && listen != sdk::domain::ListenType::network) return want;
    const auto use = [&](std::string_view mode) {
        if (mode.empty() || mode == "any") mode = g.default_mode;
        want.plain |= mode != "secure";
        want.secure |= mode == "secure" || (mode != "insecure" && tls);
    };
    if (g.autoport == sdk::domain::YesNo::yes) {
        constexpr std::size_t kChannels = 8; // that the protocol has
        for (const sdk::domain::GraphicsChannel& c : g.channels) use(c.mode);
        if (g.channels.size() < kChannels) use({});
    }
    want.plain = (want.plain || g.port == -1) && g.port.value_or(-1) <= 0;
    want.secure = (want.secure || g.tls_port == -1) && g.tls_port.value_or(-1) <= 0;
    return want;
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

struct FoundPort {
    std::size_t display;
    std::optional<std::int32_t> Graphics::*which;
    std::int32_t port;
};

Status find_port(const Graphics& g, std::size_t display, std::optional<std::int32_t> Graphics::*which, std::vector<FoundPort>& found) {
    const std::string& address = g.listens.front().address;
    for (std::int32_t port = kFirst; port <= kLast; port++) {
        if (!taken().add(port)) continue;
        if (is_free(address.empty() ? "127.0.0.1" : address, port)) {
            found.push_back({display, which, port});
            return {};
        }
        taken().remove(port);
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Unable to find an unused port in range 'spice' ({}-{})", kFirst, kLast);
}

template <typename Use> void each_port(const Domain& live, Use&& use) {
    for (const Graphics& g : live.devices.graphics) {
        if (g.type != GraphicsType::spice) continue;
        for (const auto which : {&Graphics::port, &Graphics::tls_port})
            if ((g.*which).value_or(-1) > 0) use(*(g.*which));
    }
}

} // namespace

Status take_ports(const Driver& driver, Guest& guest) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest.mu);
        live = guest.live;
    }
    if (!live) return {};
    const bool tls = driver.settings().protections.spice.tls;
    std::vector<FoundPort> found;
    Status done;
    for (std::size_t i = 0; done && i < live->devices.graphics.size(); i++) {
        const Graphics& g = live->devices.graphics[i];
        const Ports want = wanted(g, tls);
        if (want.secure && !tls)
            done = make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "Auto allocation of spice TLS port requested but spice TLS is disabled in qemu.conf");
        if (done && want.plain) done = find_port(g, i, &Graphics::port, found);
        if (done && want.secure) done = find_port(g, i, &Graphics::tls_port, found);
    }
    if (!done) {
        for (const FoundPort& one : found) taken().remove(one.port);
        return done;
    }
    if (found.empty()) return {};
    const ObjectLock lock(guest.mu);
    driver.edit_live(guest, [&](Domain& d) {
        for (const FoundPort& one : found) d.devices.graphics[one.display].*one.which = one.port;
    });
    return {};
}

void keep_ports(const Domain& live) {
    each_port(live, [](std::int32_t port) { taken().add(port); });
}

void give_ports(const Domain& live) {
    each_port(live, [](std::int32_t port) { taken().remove(port); });
}

} // namespace polyvirt::qemu
