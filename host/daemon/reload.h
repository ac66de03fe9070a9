// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Reload: the configuration is read again while the daemon serves, and what can change does. Parts of the daemon that
// have something to change register an action:
//
//     reloader.add("tls", [&](const Config& was, const Config& now) -> Result<Reloader::Apply> {
//         PV_ASSIGN_OR_RETURN(auto keys, read_keys(now));           // looks, changes nothing
//         return Reloader::Apply([&, keys] { listener.use(keys); }); // cannot fail
//     });
//
// A file that is wrong, or an action that says no, changes nothing at all.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "host/daemon/config.h"

namespace polyvirt::daemon {

class Reloader {
  public:
    using Apply = std::function<void()>;
    // An empty Apply: nothing to do. Called at every reload, also if no setting changed: files that settings name may
    // have. What an administrator changed while the daemon runs stays, unless its setting changed.
    using Prepare = std::function<Result<Apply>(const Config& was, const Config& now)>;

    // `files` are what is read again.
    Reloader(ConfigFiles files, Config config);

    // Leader, before the first reload. Actions run in this order, each Prepare before the first Apply.
    void add(std::string name, Prepare prepare) { actions_.push_back({std::move(name), std::move(prepare)}); }

    // Control thread, no lock held. Logs what it did: that too is why this returns nothing but success.
    bool reload() PV_EXCLUDES(level_leaf);

    // Any thread.
    [[nodiscard]] std::shared_ptr<const Config> config() const PV_EXCLUDES(level_leaf);

  private:
    struct Action {
        std::string name;
        Prepare prepare;
    };
    Result<std::vector<Apply>> prepare(const Config& was, const Config& now) const;

    const ConfigFiles files_;
    std::vector<Action> actions_;
    mutable Mutex mu_{Rank::leaf};
    std::shared_ptr<const Config> config_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::daemon
