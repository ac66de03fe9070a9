// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the configuration says of a driver (plugins.NAME in polyvirtd.yaml), read in the same way by all drivers:
//
//     const sdk::SettingsReader reader(s, "storage");
//     PV_TRY(reader.take("deadline", r.deadline_ns));
//
// A setting that is not there leaves what `to` has. Errors: conf_syntax, with the setting, what was found and what was
// expected. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <polyvirt/services.h>

#include "base/result.h"

namespace polyvirt::sdk {

class SettingsReader {
  public:
    // Both outlive it.
    SettingsReader(const plugin::Services& s, std::string_view driver) : s_(s), driver_(driver) {}

    Status take(const char* key, std::string& to) const;
    Status take(const char* key, bool& to) const;          // true, yes, on, 1 and their opposites
    Status take(const char* key, std::int64_t& to_ns) const; // "500ms", "30s", "5min", "1h"
    [[nodiscard]] std::optional<std::string> text(const char* key) const; // up to 4,095 bytes
    [[nodiscard]] Error wrong(const char* key, std::string_view found, std::string_view expected) const;

  private:
    const plugin::Services& s_;
    const std::string_view driver_;
};

// In ns; nothing: it is none.
std::optional<std::int64_t> duration_of(std::string_view text);

} // namespace polyvirt::sdk
