// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the configuration says of this driver: plugins.qemu in polyvirtd.yaml (docs/qemu.md has the list).

#include <cstdint>
#include <string>

#include <polyvirt/services.h>

#include "base/result.h"
#include "command/protection.h"

namespace polyvirt::qemu {

struct Settings {
    std::string user, group;         // of emulators; empty: see default_identity()
    std::string tpm_user, tpm_group; // of the programs that play TPMs; empty: likewise
    bool dynamic_ownership = true;   // whether files are given to that user for the time of a run
    bool cgroups = true;
    bool seccomp = true;
    std::int64_t monitor_timeout_ns = 60'000'000'000;
    std::int64_t autostart_delay_ns = 0; // between two guests
    std::int64_t hook_timeout_ns = 60'000'000'000; // of each script that is called when a guest starts or ends
    Protections protections;
    std::string dump_folder;         // for the cores of guests that crashed; empty: below the state folder
};

// Errors: conf_syntax names the setting, what was found and what is expected.
Result<Settings> read_settings(const plugin::Services& s);

} // namespace polyvirt::qemu
