// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Calls as the host sees them end.

#include "tools/conform/host/host.h"

namespace polyvirt::conform {

// The op has ended, for good: judges result and errors, takes arguments and builders away.
void end_call(pv_call* call, pv_status status) PV_REQUIRES(g_mu);
// The plugin's function for the cancellation goes to the instance's loop.
void post_cancel(pv_call* call) PV_REQUIRES(g_mu);
// Nobody waits for it any more.
void cancel_call(pv_call* call);
// What the plugin had attached to a stream ends with `why`.
void end_stream(pv_stream* stream, std::uint32_t why) PV_REQUIRES(g_mu);
pv_stream* new_stream(pv_call* call, std::uint32_t directions) PV_REQUIRES(g_mu);

// The client's part: some data and readiness, or the wish to finish.
void talk(pv_stream* stream, bool finish);

} // namespace polyvirt::conform
