// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/call_scope.h"

namespace polyvirt::logging {
namespace {

thread_local constinit CallTag t_call; // trivial: nothing to run when a thread ends

} // namespace

CallTag current_call() { return t_call; }

CallScope::CallScope(const CallTag& tag) : before_(t_call) { t_call = tag; }
CallScope::~CallScope() { t_call = before_; }

} // namespace polyvirt::logging
