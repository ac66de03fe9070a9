// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: mutex 'level_client' must be acquired before 'level_object'
#include "ladder.h"

void f(Client& upper, Object& lower) {
#ifdef TWIN
    ClientLock one(upper.mu);
    ObjectLock two(lower.mu);
#else
    ObjectLock one(lower.mu);
    ClientLock two(upper.mu);
#endif
}
