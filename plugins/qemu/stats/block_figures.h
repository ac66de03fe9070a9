// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What all_stats tells of a guest's disks.

#include "part.h"
#include "sdk/params.h"

namespace polyvirt::qemu {

// `run` is null for a guest that is off. With `backing`, of the images below each disk's own too. Worker.
void put_block_figures(const sdk::ParamWriter& w, Guest& guest, const Domain& domain, const RunPtr& run, bool backing);

} // namespace polyvirt::qemu
