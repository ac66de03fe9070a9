// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/part.h"

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::lxc {

Part::Part(Driver& driver) : GuestPart(driver.services(), driver.loop(), ErrorDomain::lxc), driver_(driver) {}

Result<ContainerPtr> Part::container_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return guest.gone();
    if (!guest.container) return invalid("domain is not running");
    return guest.container;
}

Result<Part::Running> Part::running(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return guest.gone();
    if (!guest.live || !guest.container) return invalid("domain is not running");
    return Running{guest.live, guest.container};
}

Status Part::edit(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags, const Edit& edit,
                  const std::function<Status(const Running&)>& apply) const {
    PV_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    if (affected.live) { // what the kernel or the document refuses leaves both as they were
        PV_ASSIGN_OR_RETURN(const Running now, running(*guest));
        Domain copy = *now.live;
        PV_TRY(edit(copy));
        if (apply) PV_TRY(apply(Running{std::make_shared<const Domain>(std::move(copy)), now.container}));
    }
    if (affected.config) PV_TRY(driver_.edit_config(guest, op->call(), edit));
    return affected.live ? driver_.edit_live(guest, edit) : Status();
}

} // namespace polyvirt::lxc
