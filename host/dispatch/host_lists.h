// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The one way to a list of objects that a client sees.

#include <cstdint>
#include <functional>
#include <vector>

#include "host/plugin/registry.h"

namespace polyvirt::dispatch {

class WireCall;

// Objects of the filter that `accept` (null: all) takes, in order of publication, without those that the caller may
// not see.
std::vector<plugin::ObjectPtr> list_objects(WireCall& call, const plugin::ListFilter& filter,
                                            const std::function<bool(const plugin::ObjectRef&)>& accept = nullptr);

} // namespace polyvirt::dispatch
