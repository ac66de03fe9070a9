// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which permissions the daemon enforces, from its configuration: at start and at each reload.

#include <string>

#include "base/result.h"
#include "host/access/control.h"
#include "host/daemon/config.h"

namespace polyvirt::daemon {

// The file that policy.file names, or policy.yaml in the folder `etc` if there is one there; empty: none.
[[nodiscard]] std::string policy_file(const Config& config, const std::string& etc);
// Loads it, and enforces it from now on. An error leaves what was enforced as it is; every mistake of the
// file is in the log, the first in the error. Without a file nothing is enforced.
[[nodiscard]] Status load_policy(access::Control& control, const Config& config, const std::string& etc);

} // namespace polyvirt::daemon
