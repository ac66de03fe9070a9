// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/settings.h"

#include "sdk/settings.h"

namespace polyvirt::qemu {

Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    const sdk::SettingsReader reader(s, "qemu");
    PV_TRY(reader.take("user", r.user));
    PV_TRY(reader.take("group", r.group));
    PV_TRY(reader.take("tpm.user", r.tpm_user));
    PV_TRY(reader.take("tpm.group", r.tpm_group));
    PV_TRY(reader.take("dynamic_ownership", r.dynamic_ownership));
    PV_TRY(reader.take("cgroups", r.cgroups));
    PV_TRY(reader.take("seccomp", r.seccomp));
    PV_TRY(reader.take("monitor.timeout", r.monitor_timeout_ns));
    PV_TRY(reader.take("autostart.delay", r.autostart_delay_ns));
    PV_TRY(reader.take("hook_timeout", r.hook_timeout_ns));
    PV_TRY(reader.take("dump_folder", r.dump_folder));
    return r;
}

} // namespace polyvirt::qemu
