// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// only: clang
// expect: requires holding mutex 'mu'
struct Table {
    plugin::DriverMutex mu;
    int objects PV_GUARDED_BY(mu) = 0;
    int count() {
#ifdef TWIN
        const DriverLock lock(mu);
#endif
        return objects;
    }
};
