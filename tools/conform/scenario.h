// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What there is to call ops on, in whatever plugin it is: objects that it publishes itself, and those that it can be asked
// to make from a document of the author's or of the kit's.

#include "tools/conform/calling.h"

namespace polyvirt::conform {

class Scenario {
  public:
    explicit Scenario(Life& life) : life_(life) {}
    // An object of that kind, made if there is none; null: there is no way to one.
    ObjectPtr object(std::uint32_t kind);
    // A fresh one, if the plugin can make such; null: it cannot.
    ObjectPtr fresh(std::uint32_t kind);
    // A domain that runs, as far as the plugin can start one.
    ObjectPtr running_domain();
    // Why object() found nothing.
    [[nodiscard]] static std::string lacks(std::uint32_t kind);

  private:
    Life& life_;
    int made_ = 0;
};

// Ops in an order in which most can do something: what makes, what reads, what changes, what ends.
std::vector<const OpSpec*> in_order(std::vector<const OpSpec*> ops);
// One target for the op; throws nothing, null for ops without one. `usable`: false if there is none.
ObjectPtr target_of(Scenario& scenario, const OpSpec& op, bool& usable);

} // namespace polyvirt::conform
