// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// polyvirtd --check-config and --print-config: the configuration that the daemon would start with, without
// starting it or making a file.

#include "host/daemon/config.h"
#include "host/daemon/options.h"
#include "host/daemon/paths.h"

namespace polyvirt::daemon {

// --config, or polyvirtd.yaml of the configuration folder, or libvirtd.conf where that is not there.
ConfigFiles config_files(const Options& options, const Paths& paths);

// Problems go to stderr, one a line; the configuration, if asked for, to stdout. The exit code: 0, or 1 if
// anything is wrong.
int show_config(const Options& options);

} // namespace polyvirt::daemon
