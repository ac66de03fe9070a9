// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/session.h"

#include <utility>
#include <vector>

#include "base/error_text.h"
#include "host/dispatch/identity.h"

namespace polyvirt::dispatch {

Session::Session(rpc::Client& client) : caller_(make_caller(client)) {}

Status Session::open(std::shared_ptr<plugin::Instance> instance, std::string uri, bool readonly) {
    LeafLock lock(mu_);
    if (instance_ != nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "connection already open");
    instance_ = std::move(instance);
    uri_ = std::move(uri);
    if (readonly && !caller_->readonly) {
        auto changed = std::make_shared<plugin::Caller>(*caller_);
        changed->readonly = true;
        caller_ = std::move(changed);
    }
    return {};
}

void Session::close() {
    std::shared_ptr<plugin::Instance> last; // released with no lock held
    LeafLock lock(mu_);
    last.swap(instance_);
}

std::shared_ptr<plugin::Instance> Session::instance() const {
    LeafLock lock(mu_);
    return instance_;
}

std::string Session::uri() const {
    LeafLock lock(mu_);
    return uri_;
}

std::shared_ptr<const plugin::Caller> Session::caller() const {
    LeafLock lock(mu_);
    return caller_;
}

void Session::identified(rpc::Client& client) {
    auto caller = make_caller(client);
    std::shared_ptr<const access::Viewer> last; // of who it was before
    LeafLock lock(mu_);
    caller_.swap(caller);
    last.swap(viewer_);
}

std::unique_ptr<rpc::SaslSession> Session::take_sasl() {
    LeafLock lock(mu_);
    return std::move(sasl_);
}

void Session::put_sasl(std::unique_ptr<rpc::SaslSession> exchange) {
    LeafLock lock(mu_);
    sasl_.swap(exchange);
}

unsigned Session::sasl_failed() {
    LeafLock lock(mu_);
    return ++sasl_failures_;
}

void Session::set_caller(plugin::Caller caller) {
    std::shared_ptr<const plugin::Caller> changed = std::make_shared<plugin::Caller>(std::move(caller));
    std::shared_ptr<const access::Viewer> last; // both released with no lock held
    const LeafLock lock(mu_);
    caller_.swap(changed);
    viewer_.swap(last);
    spoken_for_ = true;
}

std::shared_ptr<const access::Viewer> Session::viewer(const access::Control& control, const rpc::Client& client) {
    const std::uint64_t generation = control.generation();
    if (generation == 0) return nullptr;
    std::shared_ptr<const plugin::Caller> seen;
    bool readonly = false, spoken_for = false;
    {
        const LeafLock lock(mu_);
        seen = caller_;
        readonly = seen->readonly;
        spoken_for = spoken_for_;
        if (viewer_ != nullptr && viewer_->generation() == generation && viewer_->subject().readonly == readonly)
            return viewer_;
    }
    auto enforcement = control.current();
    if (enforcement == nullptr) return nullptr;
    auto made = std::make_shared<const access::Viewer>(
        std::move(enforcement), spoken_for ? make_subject(*seen) : make_subject(client, readonly));
    std::shared_ptr<const access::Viewer> last; // released with no lock held
    const LeafLock lock(mu_);
    if (caller_ == seen) last = std::exchange(viewer_, made); // not if it speaks for somebody else by now
    return made;
}

void Session::watch(std::weak_ptr<plugin::Call> call, const plugin::Call* key) {
    LeafLock lock(mu_);
    calls_.emplace(key, std::move(call));
}

void Session::unwatch(const plugin::Call* key) {
    LeafLock lock(mu_);
    calls_.erase(key);
}

void Session::cancel_all() {
    std::vector<std::weak_ptr<plugin::Call>> waiting;
    {
        LeafLock lock(mu_);
        for (auto& [key, call] : calls_) waiting.push_back(call);
    }
    for (const auto& weak : waiting)
        if (const auto call = weak.lock()) call->cancel();
}

} // namespace polyvirt::dispatch
