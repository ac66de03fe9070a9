// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MonitorFilter: which events of a hypervisor's monitor a client wants, by their name. Constant after create(); any
// thread. Matching is bounded: a pattern that would take long matches nothing.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct pcre2_real_code_8;

namespace polyvirt::dispatch {

class MonitorFilter {
  public:
    // `flags`: virConnectDomainQemuMonitorEventRegisterFlags. Without a text everything matches. Errors: unknown
    // flags, a pattern that is none or is too long.
    static Result<std::shared_ptr<const MonitorFilter>> create(std::optional<std::string_view> text, std::uint32_t flags);
    MonitorFilter() = default;
    ~MonitorFilter();
    MonitorFilter(const MonitorFilter&) = delete;
    MonitorFilter& operator=(const MonitorFilter&) = delete;

    [[nodiscard]] bool matches(std::string_view name) const;

  private:
    [[nodiscard]] Status compile(std::string_view text);

    std::optional<std::string> text_;
    bool any_case_ = false;
    pcre2_real_code_8* code_ = nullptr; // of a pattern
};

} // namespace polyvirt::dispatch
