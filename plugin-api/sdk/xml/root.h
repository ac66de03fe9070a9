// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The way from a text to the struct of its outermost element, the same for every kind of document.

#include <string_view>

#include "base/error_text.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"

namespace polyvirt::sdk::xml {

// What a document is called: its outermost element, and where its errors belong.
struct RootName {
    const char* element; // "network"
    const char* what;    // "network description"
    ErrorDomain domain;
};

template <typename T> struct ParsedRoot {
    T value;
    Messages messages;
};

// Error unless the outermost element has that name and no namespace.
Status check_root(const Node& root, const RootName& name);

template <typename T> Result<ParsedRoot<T>> parse_root(const Node& root, const RootName& name) {
    PV_TRY(check_root(root, name));
    ParsedRoot<T> out;
    PV_ASSIGN_OR_RETURN(out.value, parse<T>(root, out.messages));
    return out;
}
template <typename T>
Result<ParsedRoot<T>> parse_root(std::string_view text, const RootName& name,
                                 const Limits& limits = {}) {
    PV_ASSIGN_OR_RETURN(const Node root, read(text, name.what, limits));
    return parse_root<T>(root, name);
}

} // namespace polyvirt::sdk::xml
