// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: cannot call function 'notify' while mutex 'o.mu' is held
#include "ladder.h"

void notify(Object& o) PV_EXCLUDES(o.mu);
void f(Object& o) {
    {
        ObjectLock lock(o.mu);
#ifdef TWIN
    }
    {
#endif
        notify(o);
    }
}
