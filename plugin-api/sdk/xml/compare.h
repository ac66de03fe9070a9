// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What differs between two structs of one type, in terms of their document: for deciding whether a
// change can be made to a running guest, and for telling why not. And whether one says anything.

#include <optional>
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

// Nothing in it would be printed.
template <typename T> bool is_blank(const T& item) {
    return format("x", item) == "<x/>\n";
}
// For an element whose presence counts: there when there is something in it.
template <typename T> std::optional<T> unless_blank(T item) {
    if (is_blank(item))
        return {};
    return item;
}

} // namespace polyvirt::sdk::xml
