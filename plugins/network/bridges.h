// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Bridges: which network has which bridge. Each has one of its own, whoever defines at the same time. Any thread; leaf.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "base/uuid.h"

namespace polyvirt::network {

class Bridges {
  public:
    // That name for that network; "" or a name with "%d" in it: the first free one. `taken`: links that there are.
    // Errors: internal_error where another network has it.
    Result<std::string> claim(const Uuid& network, const std::string& name, const std::vector<std::string>& taken);
    // The network's own from here on: these alone.
    void keep(const Uuid& network, const std::vector<std::string>& names);

  private:
    Mutex mu_{Rank::leaf};
    std::multimap<std::string, Uuid> owners_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::network
