// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Writer: XML text in the form that the peer prints: two blanks a level, attributes in single
// quotes, `<x/>` for what is empty. What is written reads back as the same tree: characters that a
// reader would change are written as references. Its owner's thread.
//
//     Writer w;
//     w.open("vcpu"); w.attribute("placement", "static"); w.text("2"); w.close();

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/xml/node.h"

namespace polyvirt::sdk::xml {

class Writer {
  public:
    void open(std::string_view name);
    // Before text and children of the open element.
    void attribute(std::string_view name, std::string_view value);
    void text(std::string_view text);
    void close();
    // Closes the open element, or takes it back if nothing was written into it.
    void close_unless_empty();
    // A subtree as it was read, comments and white space included.
    void raw(const Node& node);
    // A subtree laid out like everything else here; comments and layout of its own are dropped.
    void tidy(const Node& node);
    // Declares a namespace on the outermost element, which is still open. Once per prefix.
    void declare(std::string_view prefix, std::string_view uri);

    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    struct Level {
        std::string name;
        std::size_t start;    // where "<name" (with its indent) begins
        std::size_t head_end; // how long the text was after "<name"
        bool has_content = false, has_children = false;
    };
    void begin_children();
    void raw_node(const Node& node);

    std::string out_;
    std::vector<Level> open_;
};

// Characters as they stand inside an attribute's quotes or between tags.
void escape_attribute(std::string_view text, std::string& out);
void escape_text(std::string_view text, std::string& out);

} // namespace polyvirt::sdk::xml
