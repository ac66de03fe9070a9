// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// only: clang
// expect: mutex 'level_driver' must be acquired before 'level_object'
void f(plugin::DriverMutex& set, plugin::ObjectMutex& one) {
#ifdef TWIN
    const DriverLock first(set);
    const ObjectLock second(one);
#else
    const ObjectLock first(one);
    const DriverLock second(set);
#endif
}
