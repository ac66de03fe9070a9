// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Guest: one domain, running or not. Found in the driver's table; changed under its own lock.

#include <cstdint>
#include <memory>

#include "sdk/guests/guest.h"

namespace polyvirt::lxc {

using sdk::domain::Domain;
class Container;
using ContainerPtr = std::shared_ptr<Container>;

// What host.client tells us of: guests that end with the client that started them.
inline constexpr std::uint32_t kAutodestroy = 1;

struct Guest : sdk::Guest {
    using sdk::Guest::Guest;

    ContainerPtr container PV_GUARDED_BY(mu); // set exactly while `live` is

    [[nodiscard]] Error gone() const override;
};
using GuestPtr = std::shared_ptr<Guest>;

} // namespace polyvirt::lxc
