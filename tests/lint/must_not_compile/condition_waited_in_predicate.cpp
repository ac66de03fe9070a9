// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: requires holding mutex
#include "ladder.h"

// A predicate lambda escapes the analysis of its caller's locks: waits are loops.
struct Gate {
    Mutex mu{Rank::leaf};
    bool open PV_GUARDED_BY(mu) = false;
    CondVar cv;
};
template <typename P> void wait_until_true(CondVar& cv, LeafLock& lock, P predicate) {
    while (!predicate()) cv.wait(lock);
}
void f(Gate& g) {
    LeafLock lock(g.mu);
#ifdef TWIN
    while (!g.open) g.cv.wait(lock);
#else
    wait_until_true(g.cv, lock, [&] { return g.open; });
#endif
}
