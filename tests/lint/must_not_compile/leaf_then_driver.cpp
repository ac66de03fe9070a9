// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_driver' must be acquired before 'level_leaf'
#include "ladder.h"

void f(Driver& upper, Leaf& lower) {
#ifdef TWIN
    DriverLock one(upper.mu);
    LeafLock two(lower.mu);
#else
    LeafLock one(lower.mu);
    DriverLock two(upper.mu);
#endif
}
