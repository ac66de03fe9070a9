// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Part: the base of the classes that have the driver's ops, one per subject. Entered by the host's workers, in
// parallel; without state of their own.

#include <cstdint>
#include <functional>
#include <memory>

#include <polyvirt/implements.h>

#include "guest.h"
#include "sdk/guests/part.h"

namespace polyvirt::lxc {

class Driver;

using sdk::Affected;
using sdk::affected_by;
using sdk::kAffect;
using sdk::one_of;

class Part : public sdk::GuestPart<Guest> {
  public:
    explicit Part(Driver& driver);

  protected:
    // The container of an active guest, or "domain is not running".
    [[nodiscard]] static Result<ContainerPtr> container_of(Guest& guest);
    struct Running {
        std::shared_ptr<const Domain> live;
        ContainerPtr container;
    };
    [[nodiscard]] static Result<Running> running(Guest& guest);
    // `edit` on what the flags mean: of the live description last, with `apply` (may be empty) before it. With the job;
    // worker.
    using Edit = std::function<Status(Domain&)>;
    [[nodiscard]] Status edit(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags, const Edit& edit,
                              const std::function<Status(const Running&)>& apply = {}) const PV_NO_LOCKS_HELD;

    Driver& driver_;
};

} // namespace polyvirt::lxc
