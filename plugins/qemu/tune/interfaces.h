// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Network interfaces as callers name them.

#include <string>
#include <string_view>
#include <vector>

#include "base/error_text.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// By the host's name of it or its MAC.
inline Result<std::size_t> find_interface(const sdk::domain::Domain& d, std::string_view name) {
    const auto& list = d.devices.interfaces;
    for (std::size_t i = 0; i < list.size() && !name.empty(); ++i)
        if (list[i].target.dev == name || (list[i].mac.address && list[i].mac.address == sdk::xml::Mac::parse(name))) return i;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "'{}' is not a known interface", name);
}

} // namespace polyvirt::qemu
