// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// KnownUris: which instance a URI has led to before, so that a client that comes with it again is served without
// asking drivers. Only a note of what was found: whoever uses one looks whether that instance still runs.
// Not synchronised: its owner's lock guards it.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "host/plugin/manager.h"

namespace polyvirt::plugin {

class KnownUris {
  public:
    // What clients may make it keep; the URI that nobody has asked for longest makes room.
    static constexpr std::size_t kMost = 64;
    static constexpr std::size_t kLongestUri = PluginManager::kLongestKnownUri;

    struct Instance {
        std::string slot;        // the key of its slot
        std::uint64_t order = 0; // of its start: another one may have the same slot later
    };

    // Null: not known. Valid until the next change.
    [[nodiscard]] const Instance* find(std::string_view uri);
    // Not kept if it is longer than kLongestUri.
    void remember(std::string_view uri, Instance instance);
    // What drivers would answer may have changed.
    void clear() { known_.clear(); }
    [[nodiscard]] std::size_t size() const { return known_.size(); }

  private:
    struct Entry {
        Instance instance;
        std::uint64_t asked = 0;
    };
    std::map<std::string, Entry, std::less<>> known_;
    std::uint64_t clock_ = 0;
};

} // namespace polyvirt::plugin
