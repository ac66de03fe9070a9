// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "stats/block_figures.h"

#include <polyvirt/abi/gen/constants.h>

namespace polyvirt::qemu {

void put_block_figures(const sdk::ParamWriter& w, Guest&, const Domain& domain, const RunPtr&, bool) {
    const auto& disks = domain.devices.disks;
    w.put(PV_DOMAIN_STATS_BLOCK_COUNT, static_cast<std::uint32_t>(disks.size()));
    for (std::size_t i = 0; i < disks.size(); ++i) {
        const std::string prefix = fmt::format("{}{}", PV_DOMAIN_STATS_BLOCK_PREFIX, i);
        w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_NAME, std::string_view(disks[i].target.dev));
        if (!disks[i].source) continue;
        const std::string& path = disks[i].source->file.empty() ? disks[i].source->dev : disks[i].source->file;
        if (!path.empty()) w.put(prefix + PV_DOMAIN_STATS_BLOCK_SUFFIX_PATH, std::string_view(path));
    }
}

} // namespace polyvirt::qemu
