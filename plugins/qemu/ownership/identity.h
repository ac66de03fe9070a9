// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Identity: as whom an emulator runs.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::qemu {

struct Identity {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups; // beside gid
    std::string user;                  // for messages: a name, or the number
    bool changes = false;              // whether the daemon must change users for it; else it is the daemon's own

    [[nodiscard]] bool in_group(std::uint32_t group) const;
    // "+64055:+64055", as labels of the model dac are written.
    [[nodiscard]] std::string label() const;
};

// A user's and a group's name, or their numbers, with or without '+'. An empty group is the one of the user's name, or else
// the user's own. Errors: invalid_arg.
Result<Identity> identity_of(std::string_view user, std::string_view group);
// "USER:GROUP" or "USER", of the model dac. Errors: invalid_arg.
Result<Identity> identity_of_label(std::string_view label);
// The daemon's own.
Identity own_identity();
// Of the configured names; without any, of the first of the `usual` users that the host has. Else the daemon's own, and
// so it is for a daemon that is not root. Errors: invalid_arg for configured names.
Result<Identity> default_identity(std::string_view user, std::string_view group, std::initializer_list<std::string_view> usual);

} // namespace polyvirt::qemu
