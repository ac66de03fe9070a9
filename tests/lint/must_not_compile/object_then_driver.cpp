// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_driver' must be acquired before 'level_object'
#include "ladder.h"

void f(Driver& upper, Object& lower) {
#ifdef TWIN
    DriverLock one(upper.mu);
    ObjectLock two(lower.mu);
#else
    ObjectLock one(lower.mu);
    DriverLock two(upper.mu);
#endif
}
