// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: writing variable 'state' requires holding mutex 'o.mu' exclusively
#include "ladder.h"

void f(Object& o) {
#ifdef TWIN
    ObjectLock lock(o.mu);
#endif
    o.state = 1;
}
