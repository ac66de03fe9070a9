// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_server' must be acquired before 'level_client'
#include "ladder.h"

void f(Server& upper, Client& lower) {
#ifdef TWIN
    ServerLock one(upper.mu);
    ClientLock two(lower.mu);
#else
    ClientLock one(lower.mu);
    ServerLock two(upper.mu);
#endif
}
