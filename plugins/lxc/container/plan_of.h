// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// From a description to what liblxc is told. Pure but for looking at files that the document names.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/domain/domain.h"
#include "supervisor/plan.h"

namespace polyvirt::lxc {

// How an interface is joined with the host, resolved before: one for each of the document's, in its order.
struct Link {
    enum class Kind : std::uint8_t { veth, macvlan } kind = Kind::veth;
    std::string to;   // bridge, or the device that a macvlan is on; empty: the host's end is in nothing
    std::string name; // of a veth's end in the host
    std::string mode; // of a macvlan, as documents have it
};

struct PlanContext {
    std::int32_t id = 0;
    std::string folder;
    int devices_version = 1; // of the control groups that say which devices may be used
    std::vector<Link> links;
    // The process whose namespaces another domain's are; empty: it does not run.
    std::function<std::optional<std::int64_t>(const std::string& domain)> init_of;
    // The kind of file system on a block device. Error: none that is known.
    std::function<Result<std::string>(const std::string& device)> fs_of;
    // Block devices that stand for files, by path.
    std::vector<std::pair<std::string, std::string>> loops;
};

// What a container cannot have.
Error unsupported(std::string_view text);
// Errors: config_unsupported for what this driver cannot do; system_error where something named is not there.
Result<Plan> plan_of(const sdk::domain::Domain& domain, const PlanContext& context);

} // namespace polyvirt::lxc
