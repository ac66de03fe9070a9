// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Struct -> text, through its description, in the order and form in which the peer prints it.

#include <string>
#include <string_view>

#include "sdk/xml/binder.h"
#include "sdk/xml/writer.h"

namespace polyvirt::sdk::xml {

// The item is not changed; descriptions take it without const because reading shares them.
void format_item(Writer& writer, std::string_view name, void* item,
                 void (*describe)(Binder&, void*));

template <typename T> std::string format(std::string_view name, const T& item) {
    Writer writer;
    format_item(writer, name, const_cast<T*>(&item), detail::describe_item<T>);
    return writer.take();
}

} // namespace polyvirt::sdk::xml
