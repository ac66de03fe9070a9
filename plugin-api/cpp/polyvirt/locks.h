// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The two rungs of the lock ladder that are a driver's (docs/locking.md), as members that cannot be made for a wrong
// rung:
//
//     plugin::DriverMutex mu_;                     // the set of objects
//     std::map<...> objects_ PV_GUARDED_BY(mu_);
//     { const DriverLock lock(mu_); ... }          // ObjectLock for an ObjectMutex
//
// Driver before object, never two of one rung. clang refuses what breaks that (-Wthread-safety), the host's byte of
// ranks aborts in test builds. Functions of the glue that may run other drivers or wait carry PV_NO_LOCKS_HELD.

#include "base/sync.h"

namespace polyvirt::plugin {

class PV_CAPABILITY("mutex") DriverMutex : public Mutex {
  public:
    DriverMutex() : Mutex(Rank::driver) {}
};
class PV_CAPABILITY("mutex") ObjectMutex : public Mutex {
  public:
    ObjectMutex() : Mutex(Rank::object) {}
};
// For what calls nothing: queues, counters.
class PV_CAPABILITY("mutex") LeafMutex : public Mutex {
  public:
    LeafMutex() : Mutex(Rank::leaf) {}
};

} // namespace polyvirt::plugin
