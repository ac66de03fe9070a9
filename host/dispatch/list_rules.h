// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What each flag of the ListAll calls wants of an object. Flags of one group choose together (any of them will do),
// groups choose one after another (all that are used must agree); a group without a flag chooses nothing.

#include <cstdint>
#include <span>

#include "host/plugin/registry.h"

namespace polyvirt::dispatch {

struct ListRule {
    std::uint32_t flag;
    std::uint8_t group;
    // All of these must hold.
    std::uint64_t set = 0, clear = 0;                // attributes that the object has, or lacks
    std::uint64_t states = 0;                        // a bit per state number, 63 for all above; 0: any
    const char *key = nullptr, *value = nullptr;     // the object was published with this key and value
};

// Of a kind; empty: its lists take no flags. Flags that look at an object's place among its kind are not rules
// (moment_tree.h).
std::span<const ListRule> list_rules(std::uint32_t kind);
// All flags of these rules.
std::uint32_t known_flags(std::span<const ListRule> rules);
bool passes(const plugin::ObjectRef& object, std::span<const ListRule> rules, std::uint32_t flags);

// A secondary key of the object; "" if it was published without.
std::string_view key_of(const plugin::ObjectRef& object, std::string_view name);
bool has_key(const plugin::ObjectRef& object, std::string_view name, std::string_view value);

} // namespace polyvirt::dispatch
