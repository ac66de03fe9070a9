// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which permissions the daemon enforces, from its configuration: at start and at each reload.

#include <functional>
#include <string>

#include "base/result.h"
#include "host/daemon/config.h"

namespace polyvirt::dispatch {
class Dispatcher;
}

namespace polyvirt::daemon {

// The file that policy.file names, or policy.yaml in the folder `etc` if there is one there; empty: none.
[[nodiscard]] std::string policy_file(const Config& config, const std::string& etc);
// Reads what policy.backend says: the rules of that file (without one, nothing is enforced), polkit's word, or
// nothing. What is returned enforces it from then on. An error leaves what was enforced as it is; every mistake of
// the file is in the log, the first in the error.
[[nodiscard]] Result<std::function<void()>> prepare_policy(dispatch::Dispatcher& dispatcher, const Config& config,
                                                           const std::string& etc);
// Both at once, for the start.
[[nodiscard]] Status load_policy(dispatch::Dispatcher& dispatcher, const Config& config, const std::string& etc);
// Before any client is served: polkit, for sockets and policies that use it. Its thread starts with the first
// question.
void set_up_polkit(dispatch::Dispatcher& dispatcher, const Config& config);

} // namespace polyvirt::daemon
