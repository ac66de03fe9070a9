// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/thread_kind.h"

#include <utility>

namespace polyvirt::plugin {
namespace {
constinit thread_local std::uint32_t t_kind = PV_THREAD_OTHER;
}

std::uint32_t thread_kind() noexcept { return t_kind; }
ThreadKind::ThreadKind(std::uint32_t kind) noexcept : before_(std::exchange(t_kind, kind)) {}
ThreadKind::~ThreadKind() { t_kind = before_; }

} // namespace polyvirt::plugin
