// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which key is meant by a number of one of the code sets that clients know (PV_KEYCODE_SET_*).

#include <cstdint>
#include <optional>
#include <string_view>

namespace polyvirt::qemu {

// How clients call the set; empty: there is none of that number.
std::string_view keycode_set_name(std::uint32_t set);
// The key's number in the emulator's set (QNUM). Empty: the set has no such key, or the emulator doesn't.
std::optional<std::uint32_t> key_number(std::uint32_t set, std::uint32_t code);

} // namespace polyvirt::qemu
