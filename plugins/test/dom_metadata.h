// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The second half of pv.dom.config: title, description, metadata, and the name (dom_metadata.cpp).

#include <polyvirt/abi/gen/dom_config.h>

namespace polyvirt::test {

void fill_metadata(pv_dom_config& t);

} // namespace polyvirt::test
