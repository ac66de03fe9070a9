// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// only: clang
// expect: cannot call function 'run_program' while level 'level_object' is held
void f(const plugin::Services& s, plugin::ObjectMutex& mu) {
    const plugin::Command command({"/bin/true"});
    {
        const ObjectLock lock(mu);
#ifdef TWIN
    }
    {
#endif
        static_cast<void>(plugin::run_program(s, nullptr, command, 0));
    }
}
