// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: 'lock' is a private member
#include "ladder.h"

void f(Object& o) {
#ifdef TWIN
    ObjectLock lock(o.mu);
#else
    o.mu.lock(Rank::object);
#endif
    o.state = 1;
}
