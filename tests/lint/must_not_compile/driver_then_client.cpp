// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_client' must be acquired before 'level_driver'
#include "ladder.h"

void f(Client& upper, Driver& lower) {
#ifdef TWIN
    ClientLock one(upper.mu);
    DriverLock two(lower.mu);
#else
    DriverLock one(lower.mu);
    ClientLock two(upper.mu);
#endif
}
