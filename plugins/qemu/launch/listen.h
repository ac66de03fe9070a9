// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sockets that the emulator listens on and the daemon makes, so that they can be where the emulator's user may not write.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

// Of what the emulator is given beside its monitor's socket: the first number.
inline constexpr int kFirstPassed = 4;

// A listening unix socket at `path`, in the place of what an earlier run left there. Errors: system_error.
Result<UniqueFd> listen_at(const std::string& path);
// A connection to it, which waits in the socket until it is taken.
Result<UniqueFd> connect_to(const std::string& path);

} // namespace polyvirt::qemu
