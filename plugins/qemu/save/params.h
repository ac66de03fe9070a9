// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What callers say of a save or a restore, and what the configuration says.

#include <cstdint>
#include <string>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/services.h>

#include "base/result.h"
#include "base/uuid.h"

namespace polyvirt::qemu {

inline constexpr std::uint32_t kSaveFlags = PV_DOMAIN_SAVE_BYPASS_CACHE | PV_DOMAIN_SAVE_RUNNING | PV_DOMAIN_SAVE_PAUSED;

struct SaveParams {
    std::string file, dxml;
};
Result<SaveParams> read_save_params(const pv_param* params, std::uint32_t count, std::uint32_t flags, std::uint32_t known, const char* function);
// Running and paused at once is nothing.
Status check_save_flags(std::uint32_t flags, std::uint32_t known, const char* function);
// Of plugins.qemu in the configuration; empty: not set.
std::string setting(const plugin::Services& s, const char* key);
// Under which name a file is written that is to be `path` when it is whole; the same for what is no file (a device, a pipe).
std::string temporary_for(const std::string& path, const Uuid& guest);

} // namespace polyvirt::qemu
