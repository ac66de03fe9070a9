// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What differs between two structs of one type, in terms of their document: for deciding whether a
// change can be made to a running guest, and for telling why not.

#include <string>
#include <string_view>
#include <vector>

#include "sdk/xml/binder.h"
#include "sdk/xml/format.h"

namespace polyvirt::sdk::xml {

struct Difference {
    std::string path;          // "disk/target/@bus", "vcpu" for a text
    std::string before, after; // empty: not there
};

std::vector<Difference> compare_texts(std::string_view before, std::string_view after);

template <typename T>
std::vector<Difference> compare(std::string_view name, const T& before, const T& after) {
    return compare_texts(format(name, before), format(name, after));
}

} // namespace polyvirt::sdk::xml
