// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: writing variable 'state' requires holding mutex 'b.mu' exclusively
#include "ladder.h"

void f(Object& a, Object& b) {
#ifdef TWIN
    ObjectLock lock(b.mu);
    (void)a;
#else
    ObjectLock lock(a.mu);
#endif
    b.state = 1;
}
