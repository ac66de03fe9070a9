// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Text -> Node, within bounds. Nothing outside the text is ever read: no network, no file, no
// external subset. Entities of the document's own are refused, not expanded; the five of XML and
// character references are understood. Any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sdk/xml/node.h"

namespace polyvirt::sdk::xml {

struct Limits {
    std::size_t bytes = 4u << 20;
    std::size_t depth = 200;     // elements inside each other
    std::size_t nodes = 200'000; // elements, attributes, texts and comments together
};

// The root element. Errors: xml_error (not well-formed, a bound passed, an entity declared), with
// the line and what libxml2 says of it; `what` names the document in the message ("domain
// description").
Result<Node> read(std::string_view text, std::string_view what, const Limits& limits = {});

// The start of a document, read no further than asked for: name of the root element, its `type`
// attribute, and the texts of its direct children `name` and `uuid`, each the first of its kind.
// Empty where absent. Reading stops at the end of the second of these children, so what follows may
// be anything. For deciding who is concerned before the whole is read.
struct DocumentHead {
    std::string root, type, name, uuid;
};
Result<DocumentHead> read_head(std::string_view text, std::string_view what,
                               const Limits& limits = {});

} // namespace polyvirt::sdk::xml
