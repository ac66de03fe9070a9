// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: writing variable 'state' requires holding mutex 'o.mu' exclusively
#include "ladder.h"

// A guard on the heap could outlive its scope: it counts for nothing.
void f(Object& o) {
#ifdef TWIN
    ObjectLock lock(o.mu);
#else
    auto* leaked = new ObjectLock(o.mu);
    (void)leaked;
#endif
    o.state = 1;
}
