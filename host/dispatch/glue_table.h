// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// All generated glue, table by table of the spec: for find_glue(), reports and tests.

#include <span>

#include "host/dispatch/glue.h"

namespace polyvirt::dispatch {

std::span<const std::span<const Glue>> all_glue();

} // namespace polyvirt::dispatch
