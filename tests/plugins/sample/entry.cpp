// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <polyvirt/plugin.h>

#include "driver.h"

namespace polyvirt::sample {

plugin::Claim Driver::probe(std::string_view uri, bool) {
    if (uri != "sample:///default") return {};
    return {.score = 100, .canonical = std::string(uri), .instance = "default"};
}

} // namespace polyvirt::sample

PV_PLUGIN(polyvirt::sample::Driver);
