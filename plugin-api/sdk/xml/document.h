// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A description as a reference for people: every element with its attributes, what each may hold
// and when it applies. The text is Markdown, in the order in which elements are printed.

#include <string>
#include <string_view>

#include "sdk/xml/binder.h"

namespace polyvirt::sdk::xml {

std::string document_item(std::string_view name, void (*sample)(Binder&));

template <typename T> std::string document(std::string_view name) {
    return document_item(name, detail::describe_sample<T>);
}

} // namespace polyvirt::sdk::xml
