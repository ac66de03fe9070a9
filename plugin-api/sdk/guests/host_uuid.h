// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The uuid that a driver's capabilities give a host whose firmware names none: its own, once for ever.

#include "base/uuid.h"
#include "sdk/records.h"

namespace polyvirt::sdk {

// Kept in the record "host_uuid". Worker.
Uuid own_host_uuid(const Records& records);

} // namespace polyvirt::sdk
