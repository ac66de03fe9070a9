// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// One call into a driver, from its making until finished(). Made by dispatch for a client's call (WireCall), by the
// plugin host for start and reconfigure. It is alive until finished() has returned; in, out and builders live in its
// arena. What the driver has of it is a handle (call_handles.h), which leads nowhere once the call is over.
//
// Thread: set up on one worker; then every public method may come from any thread (leaf).

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/abi/registry.h>

#include "base/result.h"
#include "base/sync.h"
#include "base/unique_fd.h"

namespace polyvirt::plugin {

class StreamEndpoint; // host/plugin/stream.h
class Instance;
struct ObjectRef;
using ObjectPtr = std::shared_ptr<const ObjectRef>;

// Who asks: what host.client/1 identity() answers from.
struct Caller {
    std::uint64_t client = 0; // 0: the host itself
    bool readonly = false;
    std::int64_t uid = -1, gid = -1, pid = -1;
    std::string user, group, transport, sasl_user, x509_dname;
};

class Call : public std::enable_shared_from_this<Call> {
  public:
    // Where the call is, for who looks on. Set by the trampoline, at the cost of a store.
    enum class Stage : std::uint8_t {
        host,    // in the host's own code
        turn,    // its driver lets in so many calls on that object, and they are inside
        driver,  // a thread is inside the driver with it
        pending, // the driver completes it later
    };

    explicit Call(std::shared_ptr<const Caller> caller);
    virtual ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // What a driver gets for it; the same every time, null when it is over (or there are too many).
    [[nodiscard]] pv_call* handle();

    // Called exactly once, by whichever of op return and complete() decides the call, on that thread. The
    // host holds no lock, but the thread may be the driver's own, inside complete() with its locks held: leaf,
    // so it must not enter a driver. Then the call may be destroyed.
    virtual void finished(pv_status status) = 0;

    // The two halves of completion, joined here: returned() when the op's slot has returned, complete()
    // from the plugin. A status other than PV_PENDING from returned() ends the call; complete() before
    // returned(PV_PENDING) is remembered. Once it is over the handle is void: a second completion does not get here.
    void returned(pv_status status);
    void complete(pv_status status);

    // First error wins.
    void set_error(Error error);
    void clear_error();
    [[nodiscard]] bool has_error() const;
    // The recorded error; if the driver failed without one, an internal error that names it.
    [[nodiscard]] Error take_error(pv_status status);

    // Marks the call cancelled and runs what on_cancel() stored (through the instance's loop).
    void cancel();
    [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
    // Stores what cancel() shall run: on the instance's loop, not begun after the call has finished; also
    // destroyed there. Cancelled already: it is run. False: one is stored, or the call is over.
    bool set_on_cancel(std::function<void()> f);

    // Whether this call may publish `object`, which has no handle yet, or give one that is there this name (inside a
    // define: those that were authorised). A refusal is the call's answer, whatever the driver makes of it.
    // Any thread; leaf. The default allows everything (the host's own calls).
    [[nodiscard]] virtual Status allow_publish(const ObjectRef& object);
    // Whether who is behind this call may have `op` done by another driver (host.driver/1), on its `object` (may be
    // null). A worker; may wait. The default allows everything (the host's own calls).
    [[nodiscard]] virtual Status allow_op(std::uint32_t op, const ObjectPtr& object, Instance& driver);
    // Takes out of objects of another driver those that who is behind this call may not see. A worker; may wait. The
    // default leaves all (the host's own calls).
    virtual void leave_visible(std::vector<ObjectPtr>& objects, Instance& driver);
    // A call into another driver on behalf of this one: cancelled with it. Any thread.
    void add_nested(const std::shared_ptr<Call>& nested);
    // How many calls it is away from a client's.
    unsigned depth = 0;

    [[nodiscard]] const Caller& caller() const { return *caller_; }
    [[nodiscard]] const std::shared_ptr<const Caller>& shared_caller() const { return caller_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    std::int64_t deadline_ns = 0;

    // Descriptors of the request (borrowed by the driver) and of the reply. Constant while in the driver,
    // add_reply_fd() excepted.
    std::vector<UniqueFd> fds_in;
    bool add_reply_fd(UniqueFd fd);
    std::vector<UniqueFd> take_reply_fds();

    // Set by dispatch for calls that open a stream.
    std::shared_ptr<StreamEndpoint> stream;
    // Set by the trampoline.
    std::shared_ptr<Instance> instance;
    std::uint32_t op = 0;

    [[nodiscard]] Stage stage() const { return stage_.load(std::memory_order_acquire); }
    // `instance` and `op` do not change after the first one that is not `host`.
    void set_stage(Stage stage) { stage_.store(stage, std::memory_order_release); }

  private:
    enum class Phase : std::uint8_t { entered, returned_pending, completed_early, done };

    void end(pv_status status);
    void void_handle();
    [[nodiscard]] bool done() const;
    void post_to_instance(std::function<void()> f);

    const std::shared_ptr<const Caller> caller_;
    const std::uint64_t id_;
    std::atomic<bool> cancelled_{false};
    std::atomic<Stage> stage_{Stage::host};
    std::atomic<pv_call*> handle_{nullptr};
    mutable Mutex mu_{Rank::leaf};
    Phase phase_ PV_GUARDED_BY(mu_) = Phase::entered;
    pv_status early_ PV_GUARDED_BY(mu_) = PV_OK;
    std::unique_ptr<Error> error_ PV_GUARDED_BY(mu_);
    std::shared_ptr<Call> self_ PV_GUARDED_BY(mu_); // while pending, nobody else owns it
    std::function<void()> on_cancel_ PV_GUARDED_BY(mu_);
    bool on_cancel_set_ PV_GUARDED_BY(mu_) = false;
    std::vector<UniqueFd> reply_fds_ PV_GUARDED_BY(mu_);
    std::vector<std::weak_ptr<Call>> nested_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::plugin
