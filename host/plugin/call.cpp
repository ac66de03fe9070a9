// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/call.h"

#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/instance.h"

namespace {

using polyvirt::LeafLock;
namespace log = polyvirt::log;

std::atomic<std::uint64_t> g_next_id{1};

// A driver may only say these; anything else is its mistake and fails the call.
pv_status checked(pv_status status) { return status > PV_PENDING || status < PV_ABI ? PV_ABI : status; }

} // namespace

pv_call::pv_call(std::shared_ptr<const polyvirt::plugin::Caller> caller)
    : caller_(std::move(caller)), id_(g_next_id.fetch_add(1, std::memory_order_relaxed)) {}

pv_call::~pv_call() = default;

polyvirt::Status pv_call::allow_publish(const pv_obj_desc& /*desc*/) { return {}; }

polyvirt::Status pv_call::allow_op(std::uint32_t /*op*/, const polyvirt::plugin::ObjectPtr& /*object*/,
                                   polyvirt::plugin::Instance& /*driver*/) {
    return {};
}

void pv_call::add_nested(const std::shared_ptr<pv_call>& nested) {
    {
        const LeafLock lock(mu_);
        std::erase_if(nested_, [](const auto& n) { return n.expired(); });
        nested_.push_back(nested);
    }
    if (cancelled()) nested->cancel();
}

void pv_call::returned(pv_status status) {
    status = checked(status);
    {
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
    }
    end(status);
}

void pv_call::complete(pv_status status) {
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
    if (surplus) {
        log::error("plugin", "call {}: completed twice, or after it returned a result; the first one counts", id_);
        if (instance) instance->note_misbehaviour();
        return;
    }
    end(status == PV_PENDING ? PV_ABI : status);
}

// Only by the one that set `done`.
void pv_call::end(pv_status status) {
    const std::shared_ptr<pv_call> keep = shared_from_this();
    std::shared_ptr<pv_call> self; // dropped without the lock
    std::function<void()> on_cancel;
    bool mended = false;
    {
        const LeafLock lock(mu_);
        self = std::move(self_);
        on_cancel = std::exchange(on_cancel_, nullptr);
        mended = (status < 0) != (error_ != nullptr);
        if (status >= 0) error_.reset();
    }
    if (on_cancel) post_to_instance([f = std::move(on_cancel)] {});
    const std::shared_ptr<polyvirt::plugin::Instance> in = instance;
    if (mended && in) in->note_misbehaviour();
    if (status < 0 && in) in->note_failure();
    finished(status);
    if (in) in->call_ended();
}

bool pv_call::done() const {
    const LeafLock lock(mu_);
    return phase_ == Phase::done;
}

void pv_call::post_to_instance(std::function<void()> f) {
    if (instance) instance->post(std::move(f));
}

void pv_call::set_error(polyvirt::Error error) {
    const LeafLock lock(mu_);
    if (!error_) error_ = std::make_unique<polyvirt::Error>(std::move(error));
}

void pv_call::clear_error() {
    const LeafLock lock(mu_);
    error_.reset();
}

bool pv_call::has_error() const {
    const LeafLock lock(mu_);
    return error_ != nullptr;
}

polyvirt::Error pv_call::take_error(pv_status status) {
    {
        const LeafLock lock(mu_);
        if (error_) return *std::exchange(error_, nullptr);
    }
    return polyvirt::make_error(polyvirt::ErrorCode::internal_error, polyvirt::ErrorDomain::none,
                                "driver '{}' failed with status {} and gave no reason",
                                instance ? instance->plugin_id() : std::string("?"), status);
}

void pv_call::cancel() {
    std::function<void()> f;
    std::vector<std::weak_ptr<pv_call>> nested;
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

bool pv_call::set_on_cancel(std::function<void()> f) {
    {
        const LeafLock lock(mu_);
        if (phase_ == Phase::done || on_cancel_set_) return false;
        on_cancel_set_ = true;
        on_cancel_ = std::move(f);
    }
    if (cancelled()) cancel();
    return true;
}

bool pv_call::add_reply_fd(polyvirt::UniqueFd fd) {
    constexpr std::size_t kMaxFds = 32; // the wire's limit for one message
    const LeafLock lock(mu_);
    if (reply_fds_.size() >= kMaxFds || !fd) return false;
    reply_fds_.push_back(std::move(fd));
    return true;
}

std::vector<polyvirt::UniqueFd> pv_call::take_reply_fds() {
    const LeafLock lock(mu_);
    return std::exchange(reply_fds_, {});
}
