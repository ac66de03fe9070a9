// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Glue by hand, for the procedures that the spec marks `adapter: true`.

#include "host/dispatch/glue.h"

namespace polyvirt::dispatch {

bool prepare_remote_domain_get_cpu_stats(WireCall& call, protocol::Decoder& decoder);
void encode_remote_domain_get_cpu_stats(WireCall& call, protocol::Encoder& encoder);

} // namespace polyvirt::dispatch
