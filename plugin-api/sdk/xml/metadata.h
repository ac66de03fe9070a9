// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <metadata>: a place where applications keep an element each, told apart by its namespace.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sdk/xml/node.h"

namespace polyvirt::sdk::xml {

// The element of a namespace, printed, or nothing.
std::optional<std::string> metadata_element(const std::optional<Node>& metadata, std::string_view uri);

// Puts `text`, an element, in the place of the one with that namespace, as "KEY:name"; an empty text
// removes it, which is no error if there is none. Errors: xml_error (the text), invalid_arg (key, uri).
Status set_metadata_element(std::optional<Node>& metadata, std::string_view uri, std::string_view key,
                            std::string_view text, ErrorDomain domain);

} // namespace polyvirt::sdk::xml
