// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/call.h"

#include <cstdint>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/call_handles.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {
namespace {

std::atomic<std::uint64_t> g_next_id{1};

// A driver may only say these; anything else is its mistake and fails the call.
pv_status checked(pv_status status) { return status > PV_PENDING || status < PV_ABI ? PV_ABI : status; }

// In place of the handle of a call that is over.
pv_call* const kVoid = reinterpret_cast<pv_call*>(std::uintptr_t{1}); // NOLINT(performance-no-int-to-ptr)

} // namespace

Call::Call(std::shared_ptr<const Caller> caller)
    : caller_(std::move(caller)), id_(g_next_id.fetch_add(1, std::memory_order_relaxed)) {}

Call::~Call() { void_handle(); }

// The thread that enters the driver makes it, the one that ends the call takes it back; neither comes beside the other.
pv_call* Call::handle() {
    pv_call* now = handle_.load(std::memory_order_acquire);
    if (now != nullptr) return now != kVoid ? now : nullptr;
    now = CallHandles::issue(*this);
    handle_.store(now, std::memory_order_release);
    return now;
}

void Call::void_handle() {
    pv_call* const now = handle_.load(std::memory_order_acquire);
    if (now == kVoid) return;
    handle_.store(kVoid, std::memory_order_release);
    if (now != nullptr) CallHandles::revoke(now, *this);
}

Status Call::allow_publish(const ObjectRef& /*object*/) { return {}; }

Status Call::allow_op(std::uint32_t /*op*/, const ObjectPtr& /*object*/, Instance& /*driver*/) { return {}; }

void Call::leave_visible(std::vector<ObjectPtr>& /*objects*/, Instance& /*driver*/) {}

void Call::add_nested(const std::shared_ptr<Call>& nested) {
    {
        const LeafLock lock(mu_);
        std::erase_if(nested_, [](const auto& n) { return n.expired(); });
        nested_.push_back(nested);
    }
    if (cancelled()) nested->cancel();
}

namespace {

// The rest of a call's end, without its lock. Whoever comes here keeps the call meanwhile; so the call keeps the instance.
void conclude(Call& call, pv_status status, std::function<void()> on_cancel, bool mended) {
    Instance* const in = call.instance.get();
    if (on_cancel && in != nullptr) in->post([f = std::move(on_cancel)] {}); // it goes where it would have run
    if (mended && in != nullptr) in->note_misbehaviour();
    if (status < 0 && in != nullptr) in->note_failure();
    call.finished(status);
    if (in != nullptr) in->call_ended();
}

} // namespace

void Call::returned(pv_status status) {
    status = checked(status);
    std::function<void()> on_cancel;
    bool mended = false;
    { // nearly every call ends here: one lock for all of it
        const LeafLock lock(mu_);
        if (phase_ == Phase::done) return;
        if (status == PV_PENDING) {
            if (phase_ == Phase::entered) {
                phase_ = Phase::returned_pending;
                set_stage(Stage::pending);
                self_ = shared_from_this();
                return;
            }
            status = early_;
        }
        phase_ = Phase::done;
        on_cancel = std::exchange(on_cancel_, nullptr);
        mended = (status < 0) != (error_ != nullptr);
        if (status >= 0) error_.reset();
    }
    void_handle();
    conclude(*this, status, std::move(on_cancel), mended);
}

void Call::complete(pv_status status) {
    status = checked(status);
    bool surplus = false;
    {
        const LeafLock lock(mu_);
        if (phase_ == Phase::entered) {
            phase_ = Phase::completed_early;
            early_ = status == PV_PENDING ? PV_ABI : status;
            return;
        }
        surplus = phase_ != Phase::returned_pending;
        if (!surplus) phase_ = Phase::done;
    }
    if (surplus) return CallHandles::report(*this, "call.complete");
    end(status == PV_PENDING ? PV_ABI : status);
}

// Only by the one that set `done`, of a call that was pending.
void Call::end(pv_status status) {
    std::shared_ptr<Call> self; // dropped without the lock
    std::function<void()> on_cancel;
    bool mended = false;
    {
        const LeafLock lock(mu_);
        self = std::move(self_);
        on_cancel = std::exchange(on_cancel_, nullptr);
        mended = (status < 0) != (error_ != nullptr);
        if (status >= 0) error_.reset();
    }
    void_handle();
    conclude(*this, status, std::move(on_cancel), mended);
}

bool Call::done() const {
    const LeafLock lock(mu_);
    return phase_ == Phase::done;
}

void Call::post_to_instance(std::function<void()> f) {
    if (instance) instance->post(std::move(f));
}

void Call::set_error(Error error) {
    const LeafLock lock(mu_);
    if (!error_) error_ = std::make_unique<Error>(std::move(error));
}

void Call::clear_error() {
    const LeafLock lock(mu_);
    error_.reset();
}

bool Call::has_error() const {
    const LeafLock lock(mu_);
    return error_ != nullptr;
}

Error Call::take_error(pv_status status) {
    {
        const LeafLock lock(mu_);
        if (error_) return *std::exchange(error_, nullptr);
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::none,
                                "driver '{}' failed with status {} and gave no reason",
                                instance ? instance->plugin_id() : std::string("?"), status);
}

void Call::cancel() {
    std::function<void()> f;
    std::vector<std::weak_ptr<Call>> nested;
    {
        const LeafLock lock(mu_);
        cancelled_.store(true, std::memory_order_release);
        if (phase_ == Phase::done) return;
        f = std::exchange(on_cancel_, nullptr);
        nested = std::exchange(nested_, {});
    }
    for (const auto& n : nested)
        if (const auto call = n.lock()) call->cancel();
    if (!f) return;
    post_to_instance([call = shared_from_this(), f = std::move(f)] {
        if (!call->done()) f();
    });
}

bool Call::set_on_cancel(std::function<void()> f) {
    {
        const LeafLock lock(mu_);
        if (phase_ == Phase::done || on_cancel_set_) return false;
        on_cancel_set_ = true;
        on_cancel_ = std::move(f);
    }
    if (cancelled()) cancel();
    return true;
}

bool Call::add_reply_fd(UniqueFd fd) {
    constexpr std::size_t kMaxFds = 32; // the wire's limit for one message
    const LeafLock lock(mu_);
    if (reply_fds_.size() >= kMaxFds || !fd) return false;
    reply_fds_.push_back(std::move(fd));
    return true;
}

std::vector<UniqueFd> Call::take_reply_fds() {
    const LeafLock lock(mu_);
    return std::exchange(reply_fds_, {});
}

} // namespace polyvirt::plugin
