// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/catalog.h"

#include <algorithm>
#include <array>

namespace polyvirt::conform {

const OpSpec* find_op(std::string_view name) {
    const auto ops = all_ops();
    const auto at = std::find_if(ops.begin(), ops.end(), [&](const OpSpec& op) { return op.name == name; });
    return at == ops.end() ? nullptr : &*at;
}

const EventSpec* find_event(std::uint32_t kind, std::int32_t id) {
    const auto events = all_events();
    const auto at =
        std::find_if(events.begin(), events.end(), [&](const EventSpec& e) { return e.kind == kind && e.id == id; });
    return at == events.end() ? nullptr : &*at;
}

const char* kind_name(std::uint32_t kind) {
    constexpr std::array kNames = {"object",  "domain",   "network",          "network_port", "interface", "pool",      "volume",
                                   "nodedev", "nwfilter", "nwfilter_binding", "secret",       "snapshot",  "checkpoint"};
    return kNames[kind < kNames.size() ? kind : 0];
}

} // namespace polyvirt::conform
