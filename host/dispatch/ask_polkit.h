// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Decisions that polkit takes, for a thread that may wait for them.

#include <span>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "host/access/control.h"

namespace polyvirt::dispatch {

struct Wanted {
    access::Permission permission;
    access::Object object;
};

// One answer for each, in order; all are asked at once and waited for together. A worker counts as parked
// meanwhile. Ends: Authority answers every question by its deadline. Only for a viewer that asks().
std::vector<Result<access::Answer>> ask_and_wait(const access::Viewer& viewer, std::string_view driver,
                                                 std::span<const Wanted> wanted) PV_NO_LOCKS_HELD;

} // namespace polyvirt::dispatch
