// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which kind of thread the host takes the running one for, while it is inside a plugin (PV_THREAD_*).

#include <cstdint>

#include <polyvirt/abi/check.h>

namespace polyvirt::plugin {

[[nodiscard]] std::uint32_t thread_kind() noexcept;

class ThreadKind {
  public:
    explicit ThreadKind(std::uint32_t kind) noexcept;
    ~ThreadKind();
    ThreadKind(const ThreadKind&) = delete;
    ThreadKind& operator=(const ThreadKind&) = delete;

  private:
    const std::uint32_t before_;
};

} // namespace polyvirt::plugin
