// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: acquiring mutex 'level_client' that is already held
#include "ladder.h"

void f(Client& a, Client& b) {
    {
        ClientLock one(a.mu);
#ifdef TWIN
    }
    {
#endif
        ClientLock two(b.mu);
    }
}
