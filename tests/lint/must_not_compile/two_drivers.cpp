// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex 'level_driver' that is already held
#include "ladder.h"

void f(Driver& a, Driver& b) {
    {
        DriverLock one(a.mu);
#ifdef TWIN
    }
    {
#endif
        DriverLock two(b.mu);
    }
}
