// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which permissions the daemon enforces, from its configuration: at start and at each reload.

#include <string>

#include "base/result.h"
#include "host/access/control.h"

namespace polyvirt::daemon {

// Loads the policy file and enforces it from now on. An error leaves what was enforced as it is; every
// mistake of the file is in the log, the first in the error. `file` empty: `fallback` if there is such a
// file, else nothing is enforced.
[[nodiscard]] Status load_policy(access::Control& control, const std::string& file, const std::string& fallback);

} // namespace polyvirt::daemon
