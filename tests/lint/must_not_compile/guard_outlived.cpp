// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: reading variable 'state' requires holding mutex 'o.mu'
#include "ladder.h"

int f(Object& o) {
#ifdef TWIN
    ObjectLock lock(o.mu);
#else
    { ObjectLock lock(o.mu); }
#endif
    return o.state;
}
