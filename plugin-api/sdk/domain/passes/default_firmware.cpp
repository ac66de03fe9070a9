// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include <fmt/core.h>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {

void default_firmware(Domain& d, const HostContext& context) {
    Os& os = d.os;
    auto& features = os.firmware_features;
    const auto of = [&](std::string_view name) {
        return std::find_if(features.begin(), features.end(),
                            [&](const FirmwareFeature& f) { return f.name == name; });
    };
    // Keys are of use to secure boot alone.
    const auto keys = of("enrolled-keys");
    if (keys != features.end() && keys->enabled == YesNo::yes &&
        of("secure-boot") == features.end())
        features.push_back({YesNo::yes, "secure-boot"});
    // The guest's own variables, beside firmware that it must not write.
    const bool split = os.loader.type == "pflash" && os.loader.readonly == YesNo::yes &&
                       os.loader.stateless != YesNo::yes && !os.loader.path.empty();
    if (!split || context.nvram_folder.empty()) return;
    if (!os.nvram) os.nvram.emplace();
    if (os.nvram->path.empty() && !os.nvram->source)
        os.nvram->path = fmt::format("{}/{}_VARS.fd", context.nvram_folder, d.name);
}

} // namespace polyvirt::sdk::domain
