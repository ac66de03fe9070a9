// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Config: polyvirtd.yaml, read once at start. Scalars are found by their path ("plugins.qemu.user").
// Immutable after load(); any thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace polyvirt::daemon {

class Config {
  public:
    // A missing file is an empty configuration; a wrong one is an error with file, line and column.
    static Result<Config> load(const std::string& path);

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace polyvirt::daemon
