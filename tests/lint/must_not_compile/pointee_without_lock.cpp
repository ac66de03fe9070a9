// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: requires holding mutex 'h.mu' exclusively
#include "ladder.h"

struct Holder {
    Mutex mu{Rank::object};
    int* value PV_PT_GUARDED_BY(mu) = nullptr;
};
void f(Holder& h) {
#ifdef TWIN
    ObjectLock lock(h.mu);
#endif
    *h.value = 1;
}
