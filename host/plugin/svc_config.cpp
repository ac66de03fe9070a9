// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.config/1
#include <polyvirt/abi/config.h>

#include <cstring>

#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

pv_status get(pv_host* host, const char* key, char* buffer, std::uint32_t length) noexcept {
    if (host == nullptr || key == nullptr || buffer == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        if (!host->shared.config) return PV_GONE;
        const std::optional<std::string> text =
            host->shared.config(std::string("plugins.") + host->plugin_id + "." + key);
        if (!text) return PV_GONE;
        if (text->size() >= length) return PV_ABI;
        std::memcpy(buffer, text->c_str(), text->size() + 1);
        return PV_OK;
    });
}

constexpr pv_svc_config kConfigTable = {sizeof(pv_svc_config), 0, get};

} // namespace

const Service kConfigService{PV_SVC_CONFIG, &kConfigTable};

} // namespace polyvirt::plugin
