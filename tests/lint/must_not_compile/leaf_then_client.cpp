// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_client' must be acquired before 'level_leaf'
#include "ladder.h"

void f(Client& upper, Leaf& lower) {
#ifdef TWIN
    ClientLock one(upper.mu);
    LeafLock two(lower.mu);
#else
    LeafLock one(lower.mu);
    ClientLock two(upper.mu);
#endif
}
