// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: writing variable 'state' requires holding mutex 'o.mu' exclusively
#include "ladder.h"

void f(Object& o, bool careful) {
    if (careful) {
        ObjectLock lock(o.mu);
        o.state = 1;
    }
#ifndef TWIN
    o.state = 2;
#endif
}
