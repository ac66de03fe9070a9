// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/keepalive.h"

namespace polyvirt::rpc {

void Keepalive::suspend(bool suspended, TimePoint now) {
    if (suspended_ == suspended)
        return;
    suspended_ = suspended;
    heard(now);
}

Keepalive::Action Keepalive::check(TimePoint now) {
    if (!running() || now < next())
        return Action::none;
    if (!suspended_) {
        if (pings_ >= count_)
            return Action::dead;
        ++pings_;
    }
    last_ = now;
    return Action::ping;
}

} // namespace polyvirt::rpc
