// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Loads one plugin file: who may write it, what its manifest needs, then dlopen and the entry. Whatever
// is wrong with the file, the answer is an Error that names it; the daemon lives. Control thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/abi/entry.h>

#include "base/result.h"
#include "host/plugin/plugin_file.h"

namespace polyvirt::plugin {

// One loaded version of a plugin. Its code stays mapped until the process ends.
struct Generation {
    Manifest manifest;
    std::string path; // the file's own, symbolic links followed
    // The host's copy: zero beyond what the plugin filled, so that only null is tested for. Texts are
    // the plugin's.
    pv_plugin plugin{};
    FileStamp stamp;
    std::uint32_t number = 1;

    [[nodiscard]] std::string version() const {
        return plugin.version != nullptr ? plugin.version : manifest.version;
    }
};

// `offers`: the services of this host. `root` is handed to the plugin and lives for ever.
[[nodiscard]] Result<std::shared_ptr<const Generation>> load_plugin(const std::string& path,
                                                                    const std::vector<Offer>& offers,
                                                                    const pv_host_root& root);
// The same for a file that was looked at and found good. `number` > 1: a file of that name is loaded already, and
// this is another one which replaced it. One that was written over cannot be told apart by the system's loader:
// see the stamp.
[[nodiscard]] Result<std::shared_ptr<const Generation>> load_plugin(const PluginFile& file, const pv_host_root& root,
                                                                    std::uint32_t number = 1);

} // namespace polyvirt::plugin
