// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_server' must be acquired before 'level_object'
#include "ladder.h"

void f(Server& upper, Object& lower) {
#ifdef TWIN
    ServerLock one(upper.mu);
    ObjectLock two(lower.mu);
#else
    ObjectLock one(lower.mu);
    ServerLock two(upper.mu);
#endif
}
