// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Pools of block devices that the host has: multipath maps, the disks behind an HBA. Nothing is made or removed.

#include "backend.h"

namespace polyvirt::storage {

class DevicesBackend final : public Backend {
  public:
    using Backend::Backend;
    Task<Status> start(Place place) override;
    Task<Result<bool>> is_started(Place place) override;
    Task<Result<Found>> refresh(Place place) override;
};

} // namespace polyvirt::storage
