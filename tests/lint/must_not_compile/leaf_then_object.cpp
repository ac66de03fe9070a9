// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_object' must be acquired before 'level_leaf'
#include "ladder.h"

void f(Object& upper, Leaf& lower) {
#ifdef TWIN
    ObjectLock one(upper.mu);
    LeafLock two(lower.mu);
#else
    LeafLock one(lower.mu);
    ObjectLock two(upper.mu);
#endif
}
