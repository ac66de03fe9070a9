// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The part of host.driver/1 that is about lists: those that a plugin makes for the answers of other drivers. All [any],
// leaf, and safe with null; polyvirt/abi/driver.h says what each is.

#include <polyvirt/abi/driver.h>

namespace polyvirt::plugin {

// Puts them into the table.
void fill_list_functions(pv_svc_driver& table);

} // namespace polyvirt::plugin
