// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The document that describes an imaginary host: <node> with figures, domains, networks, pools and so on, each inline or
// in a file of its own (<domain file='a.xml'/>, relative to the document). test:///default has one built in.

#include <string>
#include <vector>

#include "driver.h"

namespace polyvirt::test {

// Reads the document of `instance` ("default" or "file:PATH") and hands each element to the part that knows it.
// [init]; reads files. Errors name the file and the line.
Status load_node(const std::string& instance, const std::vector<Part*>& parts) PV_NO_LOCKS_HELD;

// The document of test:///default.
std::string_view default_node();

} // namespace polyvirt::test
