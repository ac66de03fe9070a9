// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex 'level_server' that is already held
#include "ladder.h"

void f(Server& a, Server& b) {
    {
        ServerLock one(a.mu);
#ifdef TWIN
    }
    {
#endif
        ServerLock two(b.mu);
    }
}
