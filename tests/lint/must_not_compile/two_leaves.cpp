// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex 'level_leaf' that is already held
#include "ladder.h"

void f(Leaf& a, Leaf& b) {
    {
        LeafLock one(a.mu);
#ifdef TWIN
    }
    {
#endif
        LeafLock two(b.mu);
    }
}
