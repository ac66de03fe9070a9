// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/session.h"

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

void Session::set_caller(plugin::Caller caller) {
    auto changed = std::make_shared<const plugin::Caller>(std::move(caller));
    LeafLock lock(mu_);
    caller_ = std::move(changed);
}

void Session::watch(std::weak_ptr<pv_call> call, const pv_call* key) {
    LeafLock lock(mu_);
    calls_.emplace(key, std::move(call));
}

void Session::unwatch(const pv_call* key) {
    LeafLock lock(mu_);
    calls_.erase(key);
}

void Session::cancel_all() {
    std::vector<std::weak_ptr<pv_call>> waiting;
    {
        LeafLock lock(mu_);
        for (auto& [key, call] : calls_) waiting.push_back(call);
    }
    for (const auto& weak : waiting)
        if (const auto call = weak.lock()) call->cancel();
}

} // namespace polyvirt::dispatch
