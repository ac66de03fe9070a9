// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How files in the making are called: hidden, beside the place they are for, and never shown as volumes.

#include <string>
#include <string_view>

namespace polyvirt::storage {

inline constexpr std::string_view kPartBegin = ".polyvirt-", kPartEnd = ".part";

inline bool is_part_name(std::string_view name) {
    return name.size() > kPartBegin.size() + kPartEnd.size() && name.starts_with(kPartBegin) && name.ends_with(kPartEnd);
}
inline std::string part_path(std::string_view folder, std::string_view id) {
    return std::string(folder) + "/" + std::string(kPartBegin) + std::string(id) + std::string(kPartEnd);
}

} // namespace polyvirt::storage
