// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Every op of a plugin, one after another, on whatever there is.

#include <functional>

#include "tools/conform/scenario.h"

namespace polyvirt::conform {

// How many ops were called; those without a target are named by `left_out`.
struct Walked {
    std::size_t called = 0;
    std::vector<std::string> left_out;
};

// `fits`: which ops; `vary`: the arguments with which each is called.
Walked walk_ops(Life& life, Scenario& scenario, const std::function<bool(const OpSpec&)>& fits, const std::function<std::vector<Arguments>(const OpSpec&)>& vary);
bool any_op(const OpSpec& op);
std::vector<Arguments> ordinary(const OpSpec& op);

} // namespace polyvirt::conform
