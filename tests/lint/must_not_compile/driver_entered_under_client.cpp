// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: cannot call function 'enter_driver' while level 'level_client' is held
#include "ladder.h"

void f(Client& r) {
    {
        ClientLock lock(r.mu);
#ifdef TWIN
    }
    {
#endif
        enter_driver();
    }
}
