// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A job's figures as typed parameters: of job_stats, and of the event of its end.

#include <vector>

#include <polyvirt/abi/base.h>

#include "save/job.h"

namespace polyvirt::qemu {

// Texts in it are the job's own: valid as long as that.
std::vector<pv_param> job_params(const LongJob& job, std::int64_t elapsed_ns);

} // namespace polyvirt::qemu
