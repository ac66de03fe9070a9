// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Node -> struct, through its description. Strict about what the description knows: the first
// wrong value ends it, with line, element, attribute, what was found and what was expected
// (xml_error unless the description says otherwise). Lenient about the rest: what it doesn't know
// is recorded in Messages and otherwise ignored.

#include "base/result.h"
#include "sdk/xml/binder.h"
#include "sdk/xml/messages.h"
#include "sdk/xml/node.h"

namespace polyvirt::sdk::xml {

Status parse_item(const Node& node, void* item, void (*describe)(Binder&, void*),
                  Messages& messages);

template <typename T> Result<T> parse(const Node& node, Messages& messages) {
    T out{};
    PV_TRY(parse_item(node, &out, detail::describe_item<T>, messages));
    return out;
}

} // namespace polyvirt::sdk::xml
