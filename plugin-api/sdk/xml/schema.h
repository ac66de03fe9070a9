// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A description as a RelaxNG schema, for editors and validators: every element and attribute that reading
// knows, in any order, with the values that each may have. What applies only sometimes may always be there, and
// rules between elements are not in it: a document that reading accepts without a message fits the schema, and
// one with an unknown element or attribute does not.
//
//     std::string text = schema<Domain>("domain");

#include <string>
#include <string_view>

#include "sdk/xml/binder.h"

namespace polyvirt::sdk::xml {

std::string schema_item(std::string_view name, void (*sample)(Binder&));

template <typename T> std::string schema(std::string_view name) {
    return schema_item(name, detail::describe_sample<T>);
}

} // namespace polyvirt::sdk::xml
