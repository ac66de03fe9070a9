// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The manifest's text, understood strictly: a key that no host knows is a fault here.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace polyvirt::conform {

struct Manifest {
    std::string id, type;
    std::uint32_t abi_major = 0, abi_minor = 0;
    std::vector<std::string> provides, uri, kinds, uses;
    std::map<std::string, std::uint32_t> needs; // id -> size, 0: any
    std::vector<std::string> faults;            // what is wrong with it; the rest is filled as far as possible
    [[nodiscard]] bool has_kind(std::string_view name) const;
    [[nodiscard]] bool uses_kind(std::string_view name) const;
};

Manifest read_manifest(const std::string& text);

} // namespace polyvirt::conform
