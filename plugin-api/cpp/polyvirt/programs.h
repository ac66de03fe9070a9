// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Programs that came with a plugin (host.paths/1, PV_PATH_PROGRAMS).

#include <string>

#include <polyvirt/services.h>

namespace polyvirt::plugin {

// The whole path of one of ours, whether it is there or not; empty: the host is of before ABI 0.3 and cannot say. Leaf.
inline std::string own_program(const Services& s, const std::string& name) {
    const char* const folder = s.paths->dir(s.host, PV_PATH_PROGRAMS);
    return folder != nullptr ? std::string(folder) + "/" + name : std::string();
}

} // namespace polyvirt::plugin
