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
#include "sdk/operation.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Driver;
class Run;
using RunPtr = std::shared_ptr<Run>;

class Part {
  public:
    explicit Part(Driver& driver);

  protected:
    using Task = sdk::Task<Status>;
    // Makes the task of an op. It is gone when that runs, as are its captures: coroutines take what they need by value.
    // `in` may be copied: what it points to stays until the call is complete, and so does `out`.
    using Body = std::function<Task(const sdk::OperationPtr&, const GuestPtr&)>;

    // An op that holds the guest's job: the body runs on a worker, its task ends the call. `what` is static text.
    pv_status with_job(pv_call* call, const pv_obj* obj, std::uint32_t job_class, const char* what, Body body) const;
    // Of what belongs to a guest: a snapshot.
    pv_status with_job(pv_call* call, const GuestPtr& guest, std::uint32_t job_class, const char* what, Body body) const;
    // The same for calls that change it.
    pv_status change(pv_call* call, const pv_obj* obj, const char* what, Body body) const {
        return with_job(call, obj, PV_JOB_MODIFY, what, std::move(body));
    }
    // An op that needs no job: what waits for the guest itself. The body runs here, its task ends the call.
    // It gets no operation. Errors: operation_invalid where the guest does not run.
    pv_status without_job(pv_call* call, const pv_obj* obj, Body body) const;
    pv_status answer(pv_call* call, const Status& status) const;
    // In the peer's words; `function` is its name for the call.
    [[nodiscard]] static Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function);
    // Writes a whole answer; too long for the reply is an error.
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const;
    [[nodiscard]] static GuestPtr guest_of(const pv_obj* obj);
    // The run of an active guest, or "domain is not running".
    [[nodiscard]] static Result<RunPtr> run_of(Guest& guest);

    Driver& driver_;
    const plugin::Services& s_;
};

// Of a call on the guest that runs, its configuration, or both.
inline constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

// What a call with AFFECT_* flags changes; neither flag means what the guest is in.
struct Affected {
    bool live = false, config = false;
};
// Errors: operation_invalid where the guest is not running, or has no persistent description.
Result<Affected> affected_by(Guest& guest, std::uint32_t flags);
// The description that a reader means by its flags, `live` where it is that of the running guest. Errors: the same, and
// invalid_arg for both at once.
Result<std::shared_ptr<const Domain>> one_of(Guest& guest, std::uint32_t flags, bool* live = nullptr);

} // namespace polyvirt::qemu
