// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: calling function 'step' requires holding mutex 'o.mu' exclusively
#include "ladder.h"

void step(Object& o) PV_REQUIRES(o.mu);
void f(Object& o) {
#ifdef TWIN
    ObjectLock lock(o.mu);
#endif
    step(o);
}
