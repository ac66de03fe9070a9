// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.paths/1
#include <polyvirt/abi/paths.h>

#include "base/log.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

const char* dir(pv_host* host, std::uint32_t which) noexcept {
    if (host == nullptr || !Folders::known(which)) return nullptr;
    return guarded(static_cast<const char*>(nullptr), [&]() -> const char* {
        const Result<const char*> made = host->folders.dir(which);
        if (made) return *made;
        // Its name still: what the plugin then tries to put there fails by name.
        log::error("plugin", "{}: {}", host->plugin_id, made.error().message);
        return host->folders.name(which).c_str();
    });
}

constexpr pv_svc_paths kPathsTable = {sizeof(pv_svc_paths), 0, dir};

} // namespace

const Service kPathsService{PV_SVC_PATHS, &kPathsTable};

} // namespace polyvirt::plugin
