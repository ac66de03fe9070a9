// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The limit of open descriptors: taken as high as the system lets it be, and compared with what the configuration may
// need.

#include <cstdint>
#include <string>

#include "host/daemon/config.h"

namespace polyvirt::daemon {

// Leader, at start. What cannot be raised is logged.
void raise_descriptor_limit();

// How many the clients of both servers may take, and what the daemon needs besides.
std::uint64_t descriptors_needed(const Config& config);

// Empty, or a sentence that says that `limit` is too low for `config` and what to do.
std::string too_few_descriptors(const Config& config, std::uint64_t limit);
std::uint64_t descriptor_limit();

} // namespace polyvirt::daemon
