// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What drivers hold of a call: a number in the guise of a pointer, which leads to the call while it lasts and to nothing
// once it is over. So a driver that completes a call twice, or asks something of one that has ended, does no harm: it
// is named in the log, and its mistake is counted. Services find the call by
//
//     const CallRef found = CallHandles::find(call, "registry.publish"); // null: there is none, or none any more
//
// Any thread; leaf.

#include <memory>

#include "host/plugin/call.h"

namespace polyvirt::plugin {

// A call, kept alive. Leaf.
class CallRef {
  public:
    CallRef() = default;
    explicit CallRef(std::shared_ptr<Call> call) : keep_(std::move(call)), call_(keep_.get()) {}
    // On the thread that is inside the driver with it, and so keeps it.
    explicit CallRef(Call& current) : call_(&current) {}
    [[nodiscard]] static CallRef over() {
        CallRef none;
        none.over_ = true;
        return none;
    }

    explicit operator bool() const { return call_ != nullptr; }
    Call* operator->() const { return call_; }
    [[nodiscard]] Call* get() const { return call_; }
    [[nodiscard]] std::shared_ptr<Call> share() const { return call_ != nullptr ? call_->shared_from_this() : nullptr; }
    // There was a handle, but it leads to no call (any more).
    [[nodiscard]] bool is_over() const { return over_; }

  private:
    std::shared_ptr<Call> keep_;
    Call* call_ = nullptr;
    bool over_ = false;
};

class CallHandles {
  public:
    // No lock, no allocation as a rule. Null: there are too many calls.
    static pv_call* issue(Call& call);
    static void revoke(pv_call* handle, const Call& call);
    // An instance that calls will be of: the log names it.
    static void know(const std::shared_ptr<Instance>& instance);
    // `what` names the service that is used, for the log: that a handle is void is told there.
    static CallRef find(pv_call* handle, const char* what);
    // The driver of `call` used that service when it was too late.
    static void report(const Call& call, const char* what);
};

// For as long as it lives, this thread is inside the driver of `call`: its handle is found without a search, and what
// the driver publishes without naming a call is published by this one.
class CurrentCall {
  public:
    explicit CurrentCall(Call& call);
    ~CurrentCall();
    CurrentCall(const CurrentCall&) = delete;
    CurrentCall& operator=(const CurrentCall&) = delete;

    [[nodiscard]] pv_call* handle() const;
    // Null: this thread is inside no op, or inside another instance's.
    [[nodiscard]] static Call* of(const pv_host* host);

    struct Place {
        pv_call* handle = nullptr;
        Call* call = nullptr;
    };

  private:
    const Place before_;
};

} // namespace polyvirt::plugin
