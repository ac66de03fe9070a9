// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/node.h"

#include <algorithm>

namespace polyvirt::sdk::xml {
namespace {

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The children that mean something: white space beside elements is layout, comments are for people.
std::vector<const Node*> meaningful(const Node& node) {
    const bool has_elements = std::any_of(node.children.begin(), node.children.end(),
                                          [](const Node& n) { return n.is_element(); });
    std::vector<const Node*> out;
    for (const Node& n : node.children) {
        if (n.kind == NodeKind::comment || n.kind == NodeKind::instruction)
            continue;
        if (!n.is_element() && has_elements && is_blank(n.content))
            continue;
        out.push_back(&n);
    }
    return out;
}

} // namespace

const std::string* Node::attribute(std::string_view wanted) const {
    for (const Attribute& a : attributes) {
        if (a.name == wanted)
            return &a.value;
    }
    return nullptr;
}

const Node* Node::child(std::string_view wanted) const {
    for (const Node& n : children) {
        if (n.is_element() && n.uri.empty() && n.name == wanted)
            return &n;
    }
    return nullptr;
}

std::string Node::text() const {
    std::string out;
    for (const Node& n : children) {
        if (n.kind == NodeKind::text || n.kind == NodeKind::cdata)
            out += n.content;
    }
    return out;
}

std::string Node::qualified_name() const {
    return prefix.empty() ? name : prefix + ":" + name;
}

bool Node::same_as(const Node& other) const {
    if (kind != other.kind || name != other.name || uri != other.uri)
        return false;
    if (!is_element())
        return content == other.content;
    auto by_name = [](const Attribute& a, const Attribute& b) { return a.name < b.name; };
    auto mine = attributes, theirs = other.attributes;
    std::sort(mine.begin(), mine.end(), by_name);
    std::sort(theirs.begin(), theirs.end(), by_name);
    if (mine != theirs)
        return false;
    const auto a = meaningful(*this), b = meaningful(other);
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Node* x, const Node* y) { return x->same_as(*y); });
}

bool Node::operator==(const Node& other) const {
    return kind == other.kind && name == other.name && prefix == other.prefix && uri == other.uri &&
           content == other.content && attributes == other.attributes && children == other.children;
}

} // namespace polyvirt::sdk::xml
