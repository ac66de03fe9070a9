// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an administrator can set below plugins.storage (docs/storage.md).

#include <cstdint>
#include <string>

#include <polyvirt/services.h>

#include "base/result.h"

namespace polyvirt::storage {

struct Settings {
    std::int64_t deadline_ns = 30'000'000'000; // of what a pool is asked, "deadline"
    std::string helper;                        // where it is; usually beside the plugin
};

// Errors: conf_syntax, which names the setting.
Result<Settings> read_settings(const plugin::Services& s);

} // namespace polyvirt::storage
