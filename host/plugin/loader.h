// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Loads one plugin file: who may write it, what its manifest needs, then dlopen and the entry. Whatever
// is wrong with the file, the answer is an Error that names it; the daemon lives. Control thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include <polyvirt/abi/entry.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "host/plugin/manifest.h"

namespace polyvirt::plugin {

// One loaded version of a plugin. Its code stays mapped until the process ends.
struct Generation {
    Manifest manifest;
    std::string path; // the file's own, symbolic links followed
    // The host's copy: zero beyond what the plugin filled, so that only null is tested for. Texts are
    // the plugin's.
    pv_plugin plugin{};
    std::uint32_t number = 1;
};

// A plugin's file and the folder it is in belong to root or to `owner`, and nobody else may write either
// (root may replace them anyway). Otherwise whoever can write there would be root.
[[nodiscard]] Status check_owner(int fd, const std::string& path, uid_t owner);
// The owner of the running program's file.
[[nodiscard]] uid_t program_owner();

// `offers`: the services of this host. `root` is handed to the plugin and lives for ever.
[[nodiscard]] Result<std::shared_ptr<const Generation>> load_plugin(const std::string& path,
                                                                    const std::vector<Offer>& offers,
                                                                    const pv_host_root& root);

} // namespace polyvirt::plugin
