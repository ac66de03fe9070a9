// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the programs of this folder begin with: it is included by the command line.
#include <polyvirt/event.h>
#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/job.h>
#include <polyvirt/locks.h>
#include <polyvirt/plugin.h>
#include <polyvirt/process.h>
#include <polyvirt/slots.h>

using namespace polyvirt;

// A driver but for its ops.
struct Base : plugin::DriverBase {
    using DriverBase::DriverBase;
    static constexpr plugin::About kAbout{.id = "vmm", .version = "1", .uri = "vmm", .kinds = "domain"};
    static plugin::Claim probe(std::string_view, bool) { return {}; }
};
