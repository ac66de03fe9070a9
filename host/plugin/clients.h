// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which clients are present, and what drivers want to be told when one has gone (host.client/1 on_close):
// kept as data, so that it survives a reload of the driver. One table for all instances. Any thread; leaf.

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include <polyvirt/abi/base.h>

#include "base/sync.h"

namespace polyvirt::plugin {

class Clients {
  public:
    struct Close {
        const void* instance; // which instance asked
        std::uint32_t kind;
        std::uint64_t object;
        auto operator<=>(const Close&) const = default;
    };
    static constexpr std::size_t kMaxPerClient = 65'536;

    void arrived(std::uint64_t client);
    // An instance counts it among the clients that it lives for.
    void uses_own_instance(std::uint64_t client);
    // Forgets a client that nobody needs to hear of: nothing is stored for it, and no instance counts it. False:
    // somebody does, and it stays.
    [[nodiscard]] bool leave_unheard(std::uint64_t client);
    // What was stored for it, in order of kind and object.
    [[nodiscard]] std::vector<Close> gone(std::uint64_t client);
    // PV_GONE: not present; PV_BUSY: too many stored.
    [[nodiscard]] pv_status store(std::uint64_t client, const Close& close);
    [[nodiscard]] pv_status forget(std::uint64_t client, const Close& close);
    // The instance has ended.
    void drop(const void* instance);

  private:
    struct Client {
        std::set<Close> closes;
        bool own_instance = false;
    };

    Mutex mu_{Rank::leaf};
    std::map<std::uint64_t, Client> clients_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::plugin
