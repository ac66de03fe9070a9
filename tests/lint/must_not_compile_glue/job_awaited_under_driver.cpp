// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// only: clang
// expect: cannot call function 'begin' while level 'level_driver' is held
void f(const plugin::Services& s, plugin::DriverMutex& mu) {
    {
        const DriverLock lock(mu);
#ifdef TWIN
    }
    {
#endif
        plugin::JobHold::begin(s, nullptr, 1, PV_JOB_MODIFY, "x", 0);
    }
}
