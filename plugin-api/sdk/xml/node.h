// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Node: an XML document as a tree that owns all it holds. No type of the parsing library shows. A
// plain value: copy, move and compare it; any thread that has it to itself.

#include <string>
#include <string_view>
#include <vector>

namespace polyvirt::sdk::xml {

enum class NodeKind : unsigned char { element, text, cdata, comment, instruction };

// As written: `name` carries its prefix ("qemu:arg"), declarations of namespaces ("xmlns:qemu") are
// attributes like any other.
struct Attribute {
    std::string name;
    std::string value;
    bool operator==(const Attribute&) const = default;
};

struct Node {
    NodeKind kind = NodeKind::element;
    std::string name;    // of an element: without prefix; of an instruction: its target
    std::string prefix;  // as written; empty: none
    std::string uri;     // the namespace that the prefix stands for; empty: none
    std::string content; // of everything but an element
    std::vector<Attribute> attributes;
    std::vector<Node> children;
    int line = 0; // where the start tag ends; 0: not read from a text

    [[nodiscard]] bool is_element() const { return kind == NodeKind::element; }
    // The value of an attribute, or null.
    [[nodiscard]] const std::string* attribute(std::string_view name) const;
    // The first child element of that name in no namespace, or null.
    [[nodiscard]] const Node* child(std::string_view name) const;
    // The text directly inside this element, in order, without that of elements below.
    [[nodiscard]] std::string text() const;
    // "qemu:arg"
    [[nodiscard]] std::string qualified_name() const;
    // Whether both say the same; lines and text that is only white space beside elements don't
    // count.
    [[nodiscard]] bool same_as(const Node& other) const;
    // Everything, lines included in nothing: two readings of one text are equal.
    bool operator==(const Node& other) const;
};

} // namespace polyvirt::sdk::xml
