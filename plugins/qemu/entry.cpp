// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: entry and manifest come from Driver::kAbout, the tables from its methods.

#include <polyvirt/plugin.h>

#include "driver.h"

namespace polyvirt::qemu {

plugin::Claim Driver::probe(std::string_view uri, bool privileged) {
    const std::string instance = privileged ? "system" : "session";
    const std::string own = "qemu:///" + instance;
    if (!uri.empty() && uri != own) return {};
    return {.score = uri.empty() ? 50 : 100, .canonical = own, .instance = instance};
}

} // namespace polyvirt::qemu

PV_PLUGIN(polyvirt::qemu::Driver);
