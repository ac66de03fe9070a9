// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_server' must be acquired before 'level_leaf'
#include "ladder.h"

void f(Server& upper, Leaf& lower) {
#ifdef TWIN
    ServerLock one(upper.mu);
    LeafLock two(lower.mu);
#else
    LeafLock one(lower.mu);
    ServerLock two(upper.mu);
#endif
}
