// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What configuration, command line and environment say about loading plugins. Leader, before threads start.

#include "host/daemon/config.h"
#include "host/daemon/options.h"
#include "host/daemon/paths.h"
#include "host/plugin/load_policy.h"

namespace polyvirt::daemon {

// The folders are --plugins, or loading.folders, or the usual ones; $POLYVIRT_PLUGINS (with ':' between) comes first,
// but not for root, whose environment others may have set.
[[nodiscard]] plugin::LoadPolicy load_policy(const Config& config, const Options& options, const Paths& paths,
                                             bool privileged);

} // namespace polyvirt::daemon
