// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex 'level_object' that is already held
#include "ladder.h"

void f(Object& a, Object& b) {
    {
        ObjectLock one(a.mu);
#ifdef TWIN
    }
    {
#endif
        ObjectLock two(b.mu);
    }
}
