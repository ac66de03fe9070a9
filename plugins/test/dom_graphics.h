// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The displays of pv.dom.console (dom_graphics.cpp).

#include <polyvirt/abi/gen/dom_console.h>

namespace polyvirt::test {

void fill_graphics(pv_dom_console& t);

} // namespace polyvirt::test
