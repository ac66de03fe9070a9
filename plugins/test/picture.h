// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The imaginary guest's screen: a PNG image of grey bars.

#include <string>

namespace polyvirt::test {

std::string make_picture();

} // namespace polyvirt::test
