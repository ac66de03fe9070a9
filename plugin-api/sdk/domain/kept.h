// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Elements that a document keeps by name (Domain::kept, Disk::kept ...) as structs: for drivers that act on some which
// others only hand on.
//
//     PV_ASSIGN_OR_RETURN(MemTune tune, get_kept<MemTune>(domain.kept, "memtune"));
//     tune.hard_limit = 1024;
//     set_kept(domain.kept, "memtune", tune);

#include <algorithm>
#include <string_view>
#include <utility>

#include "sdk/domain/address.h"
#include "sdk/xml/format.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"

namespace polyvirt::sdk::domain {

inline const xml::Node* find_kept(const Kept& kept, std::string_view name) {
    const auto found = std::find_if(kept.begin(), kept.end(), [&](const xml::Node& n) { return n.name == name; });
    return found == kept.end() ? nullptr : &*found;
}

// Absent: T{}. Error: what stands there is no such element.
template <typename T> Result<T> get_kept(const Kept& kept, std::string_view name) {
    const xml::Node* const node = find_kept(kept, name);
    if (node == nullptr) return T{};
    xml::Messages ignored; // they were told when the document was read
    return xml::parse<T>(*node, ignored);
}

// Replaces it; one that says nothing goes.
template <typename T> void set_kept(Kept& kept, std::string_view name, const T& value) {
    std::erase_if(kept, [&](const xml::Node& n) { return n.name == name; });
    Result<xml::Node> node = xml::read(xml::format(name, value), "element");
    if (node && (!node->attributes.empty() || !node->children.empty())) kept.push_back(*std::move(node));
}

} // namespace polyvirt::sdk::domain
