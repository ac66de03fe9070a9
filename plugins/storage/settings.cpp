// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "settings.h"

#include <dlfcn.h>

#include "sdk/settings.h"

namespace polyvirt::storage {
namespace {

// Installed and in a build tree alike the helper stands beside the plugin.
std::string helper_beside_plugin() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&read_settings), &info) == 0 || info.dli_fname == nullptr) return {};
    const std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/') + 1) + "storage-helper";
}

} // namespace

Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    const sdk::SettingsReader reader(s, "storage");
    PV_TRY(reader.take("deadline", r.deadline_ns));
    if (r.deadline_ns == 0) return reader.wrong("deadline", "0", "a time in which something can be done");
    r.helper = helper_beside_plugin();
    PV_TRY(reader.take("helper", r.helper));
    if (!r.helper.starts_with('/')) return reader.wrong("helper", r.helper, "the helper's whole path");
    return r;
}

} // namespace polyvirt::storage
