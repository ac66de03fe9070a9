// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The parts of pv.dom.tune, a source each.

#include <polyvirt/abi/gen/dom_tune.h>

namespace polyvirt::test {

void fill_pins(pv_dom_tune& t);   // dom_tune_pins.cpp: which processors run what; I/O threads
void fill_params(pv_dom_tune& t); // dom_tune_params.cpp: everything that is a list of typed parameters

} // namespace polyvirt::test
