// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Whether typed parameters of a driver's answer are those that the spec has for the op (R26). Clients get them in any case:
// a name that we do not know may be newer than this host. Any thread; leaf.

#include <cstdint>
#include <string>
#include <vector>

#include <polyvirt/abi/base.h>

namespace polyvirt::plugin {

class Instance;

// What is wrong with `out` of an op that has succeeded, in the order of the list: "parameter 'x' is unknown". Empty: nothing.
[[nodiscard]] std::vector<std::string> wrong_params(std::uint32_t op, const void* out);

// Whether somebody wants to know: the log's level is debug for the category "params".
[[nodiscard]] bool checks_params();
// Tells wrong_params() to the log, each once for a driver and op, and counts them as the driver's mistake.
void report_params(Instance& driver, std::uint32_t op, const char* op_name, const void* out);

} // namespace polyvirt::plugin
