// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest are made of what Driver says of itself.

#include "driver.h"

PV_PLUGIN(polyvirt::test::Driver);
