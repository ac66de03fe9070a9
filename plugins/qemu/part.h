// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Part: the base of the classes that have the driver's ops, one per table or subject, each in a folder with what it is
// made of. The driver names them in Parts; the glue finds their methods (polyvirt/implements.h).
//
//     class BlockOps final : public Part {
//       public:
//         using Part::Part;
//         using Implements = plugin::implements<ops::dom_block::block_resize>;
//         pv_status block_resize(pv_call*, const pv_obj*, const pv_dom_block_resize_in&, pv_dom_block_resize_out&);
//     };
//
// Entered by the host's workers, in parallel; without state of their own, or with a lock for it.

#include <cstdint>
#include <functional>
#include <string_view>

#include <polyvirt/implements.h>

#include "guest.h"
#include "sdk/guests/part.h"

namespace polyvirt::qemu {

class Driver;
class Run;
using RunPtr = std::shared_ptr<Run>;

class Part : public sdk::GuestPart<Guest> {
  public:
    explicit Part(Driver& driver);

  protected:
    // An op that needs no job: what waits for the guest itself. The body runs here, its task ends the call.
    // It gets no operation. Errors: operation_invalid where the guest does not run.
    pv_status without_job(pv_call* call, const pv_obj* obj, Body body) const;
    // The run of an active guest, or "domain is not running".
    [[nodiscard]] static Result<RunPtr> run_of(Guest& guest);

    Driver& driver_;
};

using sdk::Affected;
using sdk::affected_by;
using sdk::kAffect;
using sdk::one_of;

} // namespace polyvirt::qemu
