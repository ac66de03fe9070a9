// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The long job of a domain: what takes time on a real host (saving, dumping, backing up) takes a declared time here:
// none, unless the domain's <fault:long-jobs ms='...'/> says so (a backup at least 200 ms, as its caller does not wait
// for it). It is a timer and no thread; pv.dom.job shows and aborts it.

#include "domains.h"

namespace polyvirt::test {

// Begins it; `done` runs once, on the driver's loop or on this thread, with no lock held: with the outcome, or with
// operation_aborted when it was aborted or the guest went. Error: the guest has one already.
Status begin_job(Driver& driver, const GuestPtr& guest, std::int32_t operation, std::int64_t at_least_ns,
                 std::function<void(const Status&)> done) PV_NO_LOCKS_HELD;
// Ends the job if there is one (and, with a `number`, if it is that one). False: there is none.
bool end_job(Driver& driver, const GuestPtr& guest, std::uint64_t number, const Status& outcome) PV_NO_LOCKS_HELD;

} // namespace polyvirt::test
