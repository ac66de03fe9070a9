// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Offered: what a plugin says to a URI. A plain value.

#include <cstdint>
#include <memory>
#include <string>

#include "base/sync.h"
#include "host/plugin/loader.h"

namespace polyvirt::plugin {

struct Offered {
    std::shared_ptr<const Generation> generation;
    std::int32_t score = 0;      // 0: it is not its own
    std::uint32_t lifetime = 0;  // PV_LIFETIME_*
    std::string canonical, instance;
};

// Asks. Any thread.
Offered ask(std::shared_ptr<const Generation> generation, const std::string& uri, bool privileged) PV_ENTERS_DRIVER;

} // namespace polyvirt::plugin
