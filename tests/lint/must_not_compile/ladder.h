// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The players of these programs: one lock of each rung with the data that it guards, and the two
// kinds of function that care about what is held.
#include "base/sync.h"

namespace polyvirt {

struct Server {
    Mutex mu{Rank::server};
    int clients PV_GUARDED_BY(mu) = 0;
};
struct Client {
    Mutex mu{Rank::client};
    int calls PV_GUARDED_BY(mu) = 0;
};
struct Driver {
    Mutex mu{Rank::driver};
    int objects PV_GUARDED_BY(mu) = 0;
};
struct Object {
    Mutex mu{Rank::object};
    int state PV_GUARDED_BY(mu) = 0;
};
struct Leaf {
    Mutex mu{Rank::leaf};
    int depth PV_GUARDED_BY(mu) = 0;
};

void enter_driver() PV_ENTERS_DRIVER;
void wait_for_plugin() PV_NO_LOCKS_HELD;

} // namespace polyvirt

using namespace polyvirt;
