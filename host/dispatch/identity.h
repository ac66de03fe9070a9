// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// From the connection's identity to what drivers and rules see of it.

#include <memory>

#include "host/plugin/call.h"
#include "host/rpc/client.h"

namespace polyvirt::dispatch {

std::shared_ptr<const plugin::Caller> make_caller(rpc::Client& client);

} // namespace polyvirt::dispatch
