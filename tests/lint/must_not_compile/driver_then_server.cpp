// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_server' must be acquired before 'level_driver'
#include "ladder.h"

void f(Server& upper, Driver& lower) {
#ifdef TWIN
    ServerLock one(upper.mu);
    DriverLock two(lower.mu);
#else
    DriverLock one(lower.mu);
    ServerLock two(upper.mu);
#endif
}
