// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Both are printed and read again: what is compared is what a user would see, and descriptions need
// to walk one struct only.
#include "sdk/xml/compare.h"

#include <map>

#include <fmt/core.h>

#include "sdk/xml/reader.h"

namespace polyvirt::sdk::xml {
namespace {

using Facts = std::map<std::string, std::string>;

void collect(const Node& node, const std::string& path, Facts& out) {
    for (const Attribute& a : node.attributes)
        out[path + "/@" + a.name] = a.value;
    std::map<std::string, int> seen;
    bool elements = false;
    for (const Node& child : node.children) {
        if (!child.is_element())
            continue;
        elements = true;
        const std::string name = child.qualified_name();
        const int n = ++seen[name];
        collect(child,
                n > 1 ? fmt::format("{}/{}[{}]", path, name, n) : fmt::format("{}/{}", path, name),
                out);
    }
    if (!elements)
        out[path] = node.text();
}

} // namespace

std::vector<Difference> compare_texts(std::string_view before, std::string_view after) {
    Facts a, b;
    if (const auto node = read(before, "before"))
        collect(*node, node->qualified_name(), a);
    if (const auto node = read(after, "after"))
        collect(*node, node->qualified_name(), b);
    std::vector<Difference> out;
    for (const auto& [path, value] : a) {
        const auto other = b.find(path);
        if (other == b.end())
            out.push_back({path, value, ""});
        else if (other->second != value)
            out.push_back({path, value, other->second});
    }
    for (const auto& [path, value] : b) {
        if (!a.contains(path))
            out.push_back({path, "", value});
    }
    return out;
}

} // namespace polyvirt::sdk::xml
