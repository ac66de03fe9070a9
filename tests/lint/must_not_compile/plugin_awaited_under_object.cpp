// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: cannot call function 'wait_for_plugin' while level 'level_object' is held
#include "ladder.h"

void f(Object& r) {
    {
        ObjectLock lock(r.mu);
#ifdef TWIN
    }
    {
#endif
        wait_for_plugin();
    }
}
