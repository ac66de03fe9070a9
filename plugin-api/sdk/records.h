// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// host.state in base's types. All of it waits for the disk: workers and start-up alone, no lock held.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <polyvirt/services.h>

#include "base/result.h"

namespace polyvirt::sdk {

class Records {
  public:
    // `domain` stands in the errors.
    Records(const plugin::Services& s, std::uint32_t area, ErrorDomain domain) : s_(s), area_(area), domain_(domain) {}

    // With a `call`, the host's own error (which file, which errno) is recorded in it.
    [[nodiscard]] Status put(const std::string& name, std::string_view data, pv_call* call = nullptr) const;
    // Absent: an empty optional.
    [[nodiscard]] Result<std::optional<std::string>> get(const std::string& name, std::size_t max_length) const;
    // Absent is success.
    [[nodiscard]] Status remove(const std::string& name) const;
    // Every record of a folder ("" = top), in order of names.
    [[nodiscard]] Status each(const std::string& folder,
                              const std::function<void(const std::string& name, std::string_view data)>& use) const;
    void set_aside(const std::string& name, const std::string& why) const;

  private:
    [[nodiscard]] Status failed(const char* verb, const std::string& name) const;

    const plugin::Services& s_;
    const std::uint32_t area_;
    const ErrorDomain domain_;
};

} // namespace polyvirt::sdk
