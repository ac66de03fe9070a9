// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Interfaces of liblxc's configuration.

#include <vector>

#include "native/settings.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

Status interfaces_from(const std::vector<Setting>& settings, sdk::domain::Domain& domain);

} // namespace polyvirt::lxc
