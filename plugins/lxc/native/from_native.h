// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// liblxc's own configuration as a domain document: both spellings, that of version 1 and that of 3 and later. What a
// document has no word for is left out. Pure: no file is read, also where the configuration includes one.

#include <string_view>

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

// Errors: internal_error for a line that is none, or a configuration without name or root.
Result<sdk::domain::Domain> from_native(std::string_view config);

} // namespace polyvirt::lxc
