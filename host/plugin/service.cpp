// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/service.h"

#include <array>
#include <cstring>

namespace polyvirt::plugin {
namespace {

const std::array<const Service*, 15>& services() {
    static const std::array<const Service*, 15> all = {
        &kCallService,   &kBuildService, &kClientService, &kRegistryService, &kEventService,
        &kLoopService,   &kJobService,   &kProcService,   &kStreamService,   &kStateService,
        &kCheckService,  &kLogService,   &kConfigService, &kPathsService, &kDriverService};
    return all;
}

std::uint32_t size_of(const Service& service) {
    std::uint32_t size = 0;
    std::memcpy(&size, service.table, sizeof(size));
    return size;
}

} // namespace

const void* find_service(pv_host* /*host*/, const char* id, std::uint32_t min_size) noexcept {
    if (id == nullptr) return nullptr;
    for (const Service* service : services())
        if (std::strcmp(service->id, id) == 0) return size_of(*service) >= min_size ? service->table : nullptr;
    return nullptr;
}

std::vector<Offer> service_offers() {
    std::vector<Offer> offers;
    for (const Service* service : services()) offers.push_back({service->id, size_of(*service)});
    return offers;
}

} // namespace polyvirt::plugin
