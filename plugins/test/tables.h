// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Every op table of this plugin: a function in the source that has its ops. entry.cpp finds them by id.

namespace polyvirt::test {

const void* hv_caps_table();
const void* hv_node_table();
const void* dom_config_table();
const void* dom_lifecycle_table();
const void* dom_stats_table();

} // namespace polyvirt::test
