// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The folders of one instance (host.paths/1), made when they are first asked for. Any thread; leaf.

#include <array>
#include <cstdint>
#include <string>

#include <polyvirt/abi/paths.h>

#include "base/result.h"
#include "base/sync.h"

namespace polyvirt::plugin {

struct HostPaths; // host/plugin/manager.h

class Folders {
  public:
    // `id` is the plugin's; `key` is empty for its one static instance, else tells instances apart. `file`: the plugin's own.
    Folders(const HostPaths& host, const std::string& id, const std::string& key, const std::string& file = {});

    // PV_PATH_*; made if absent, but for that of the programs. Valid as long as this.
    [[nodiscard]] Result<const char*> dir(std::uint32_t which);
    [[nodiscard]] static bool known(std::uint32_t which) { return which >= PV_PATH_CONFIG && which <= PV_PATH_PROGRAMS; }
    // The name alone, whether it exists or not.
    [[nodiscard]] const std::string& name(std::uint32_t which) const { return names_[which - 1]; }

  private:
    std::array<std::string, 6> names_;
    Mutex mu_{Rank::leaf};
    std::array<bool, 6> made_ PV_GUARDED_BY(mu_){};
};

} // namespace polyvirt::plugin
