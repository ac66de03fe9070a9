// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PerfCounters: counters of the kernel that follow an emulator's threads. Each is a descriptor; they begin anew with a new
// daemon. Any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

class PerfCounters {
  public:
    // Errors: argument_unsupported for what this kernel does not count, system_error.
    Status enable(std::string_view event, std::int64_t pid);
    void disable(std::string_view event);
    // In the API's order.
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> read() const;

  private:
    mutable Mutex mu_{Rank::leaf};
    std::map<std::string, std::vector<UniqueFd>, std::less<>> counters_ PV_GUARDED_BY(mu_); // one per thread
};

} // namespace polyvirt::qemu
