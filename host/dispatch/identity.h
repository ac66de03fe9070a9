// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// From the connection's identity to what drivers and rules see of it.

#include <memory>

#include "host/access/subject.h"
#include "host/plugin/call.h"
#include "host/rpc/client.h"

namespace polyvirt::dispatch {

std::shared_ptr<const plugin::Caller> make_caller(rpc::Client& client);
// What permissions are decided for. May read /proc.
access::Subject make_subject(const rpc::Client& client, bool readonly);

// Of somebody for whom a client speaks (connect_set_identity), over a unix socket.
access::Subject make_subject(const plugin::Caller& caller);

} // namespace polyvirt::dispatch
