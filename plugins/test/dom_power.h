// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The second half of pv.dom.lifecycle: sleep, keys, signals (dom_power.cpp).

#include <polyvirt/abi/gen/dom_lifecycle.h>

namespace polyvirt::test {

void fill_power(pv_dom_lifecycle& t);

} // namespace polyvirt::test
