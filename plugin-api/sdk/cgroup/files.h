// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The kernel's small files. Errors: system_error.

#include <string>
#include <string_view>

#include "base/result.h"

namespace polyvirt::sdk {

[[nodiscard]] Result<std::string> read_file(const std::string& path);
// In one write, which the kernel takes as a whole. The file must be there.
[[nodiscard]] Status write_file(const std::string& path, std::string_view value);

} // namespace polyvirt::sdk
