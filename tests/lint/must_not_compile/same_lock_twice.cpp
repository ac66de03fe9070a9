// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex '(o.mu|level_object)' that is already held
#include "ladder.h"

void f(Object& o) {
    {
        ObjectLock one(o.mu);
#ifdef TWIN
    }
    {
#endif
        ObjectLock two(o.mu);
    }
}
