// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// DriverCall: a call of one driver into another (host.driver/1). It acts for whoever is behind the driver's own call,
// is cancelled with that one (reads; what changes something finishes), and hands its error back to it. The op's structs
// are copies as long as this host knows them, so that either driver may be older or newer.
//
// Thread: made and entered by one; finished() on whichever completes it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "host/plugin/call.h"
#include "host/plugin/op_catalog.h"
#include "host/plugin/registry.h"

namespace polyvirt::plugin {

class DriverCall final : public Call {
  public:
    static constexpr unsigned kMaxDepth = 4;
    struct Setup {
        std::shared_ptr<Call> outer; // null: the host's own
        std::shared_ptr<Instance> driver;
        std::uint32_t op = 0;
        const OpInfo* info = nullptr;
        ObjectPtr object;         // null: no target
        const void* in = nullptr; // the caller's structs; `out` is written when the call has succeeded
        void* out = nullptr;
    };
    // `done` runs once, when the caller's `out` and error are in place; leaf.
    DriverCall(Setup setup, std::function<void(pv_status)> done);

    // [worker] Asks whether it is allowed, and enters. No lock held.
    void enter() PV_NO_LOCKS_HELD;
    void finished(pv_status status) override;
    [[nodiscard]] Status allow_op(std::uint32_t op, const ObjectPtr& object, Instance& driver) override;
    void leave_visible(std::vector<ObjectPtr>& objects, Instance& driver) override;

  private:
    const Setup setup_;
    const std::function<void(pv_status)> done_;
    const ObjArg target_;
    std::vector<std::byte> in_, out_;
};

} // namespace polyvirt::plugin
