// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "settings.h"

#include <polyvirt/programs.h>

#include "sdk/settings.h"

namespace polyvirt::storage {
Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    const sdk::SettingsReader reader(s, "storage");
    PV_TRY(reader.take("deadline", r.deadline_ns));
    if (r.deadline_ns == 0) return reader.wrong("deadline", "0", "a time in which something can be done");
    r.helper = plugin::own_program(s, "storage-helper");
    PV_TRY(reader.take("helper", r.helper));
    if (!r.helper.starts_with('/')) return reader.wrong("helper", r.helper, "the helper's whole path");
    return r;
}

} // namespace polyvirt::storage
