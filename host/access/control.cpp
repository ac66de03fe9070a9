// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/control.h"

#include <fmt/core.h>

namespace polyvirt::access {

std::shared_ptr<const Enforcement> Control::current() const {
    const LeafLock lock(mu_);
    return current_;
}

void Control::enforce(std::shared_ptr<const Policy> policy) {
    auto next = std::make_shared<Enforcement>();
    next->policy = std::move(policy);
    publish(std::move(next));
}

void Control::enforce_nothing() { publish(nullptr); }

void Control::publish(std::shared_ptr<Enforcement> next) {
    std::shared_ptr<const Enforcement> last; // released with no lock held
    const LeafLock lock(mu_);
    ++last_;
    if (next != nullptr) next->generation = last_;
    last = std::move(current_);
    current_ = std::move(next);
    generation_.store(current_ != nullptr ? last_ : 0, std::memory_order_release);
}

Viewer::Viewer(std::shared_ptr<const Enforcement> enforcement, Subject subject)
    : enforcement_(std::move(enforcement)), subject_(std::move(subject)),
      rules_(enforcement_->policy, subject_) {}

std::string Viewer::reason(Permission permission, const Object& object) const {
    const std::string text = fmt::format("{} denies {}", rules_.policy().reason(rules_.decide(permission, object)),
                                   permission_name(permission));
    const std::string what = object.to_string();
    return what.empty() ? text : text + " on " + what;
}

} // namespace polyvirt::access
