// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Part: the base of the classes that have the driver's ops, one per subject. Entered by the host's workers, in
// parallel; without state of their own.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <polyvirt/implements.h>

#include "guest.h"
#include "sdk/operation.h"
#include "sdk/task.h"

namespace polyvirt::lxc {

class Driver;

inline constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

// What a call with AFFECT_* flags changes; neither flag means what the guest is in.
struct Affected {
    bool live = false, config = false;
};

class Part {
  public:
    explicit Part(Driver& driver);

  protected:
    using Task = sdk::Task<Status>;
    // Makes the task of an op. It is gone when that runs, as are its captures: coroutines take what they need by value.
    using Body = std::function<Task(const sdk::OperationPtr&, const GuestPtr&)>;

    // An op that holds the guest's job: the body runs on a worker, its task ends the call. `what` is static text.
    pv_status change(pv_call* call, const pv_obj* obj, const char* what, const Body& body) const;
    pv_status answer(pv_call* call, const Status& status) const;
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const;
    [[nodiscard]] static GuestPtr guest_of(const pv_obj* obj);
    // The container of an active guest, or "domain is not running".
    [[nodiscard]] static Result<ContainerPtr> container_of(Guest& guest);
    struct Running {
        std::shared_ptr<const Domain> live;
        ContainerPtr container;
    };
    [[nodiscard]] static Result<Running> running(Guest& guest);
    // Errors: operation_invalid where the guest is not running, or has no persistent description.
    [[nodiscard]] static Result<Affected> affected_by(Guest& guest, std::uint32_t flags);
    // The description that a reader means by its flags, `live` where it is that of the running guest. Errors: the same,
    // and invalid_arg for both at once.
    [[nodiscard]] static Result<std::shared_ptr<const Domain>> one_of(Guest& guest, std::uint32_t flags,
                                                                      bool* live = nullptr);
    // `edit` on what the flags mean: of the live description last, with `apply` (may be empty) before it. With the job;
    // worker.
    using Edit = std::function<Status(Domain&)>;
    [[nodiscard]] Status edit(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags, const Edit& edit,
                              const std::function<Status(const Running&)>& apply = {}) const PV_NO_LOCKS_HELD;

    Driver& driver_;
    const plugin::Services& s_;
};

} // namespace polyvirt::lxc
