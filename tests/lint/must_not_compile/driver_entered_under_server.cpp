// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: cannot call function 'enter_driver' while level 'level_server' is held
#include "ladder.h"

void f(Server& r) {
    {
        ServerLock lock(r.mu);
#ifdef TWIN
    }
    {
#endif
        enter_driver();
    }
}
