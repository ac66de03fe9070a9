// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/control.h"

#include <fmt/core.h>

#include "base/error_text.h"
#include "host/access/polkit_actions.h"

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

void Control::enforce_polkit(std::shared_ptr<Authority> polkit, std::chrono::milliseconds deadline) {
    auto next = std::make_shared<Enforcement>();
    next->polkit = std::move(polkit);
    next->deadline = deadline;
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
    asks_.store(current_ != nullptr && current_->polkit != nullptr, std::memory_order_relaxed);
    generation_.store(current_ != nullptr ? last_ : 0, std::memory_order_release);
}

Viewer::Viewer(std::shared_ptr<const Enforcement> enforcement, Subject subject)
    : enforcement_(std::move(enforcement)), subject_(std::move(subject)) {
    if (enforcement_->policy != nullptr) rules_.emplace(enforcement_->policy, subject_);
}

void Viewer::ask(Permission permission, const Object& object, std::string_view driver, Authority::Done done) const {
    if (subject_.uid < 0 || subject_.pid <= 0)
        return done(make_error(ErrorCode::access_denied, ErrorDomain::polkit,
                               "polkit decides for processes of this host alone, and {} is none",
                               subject_.to_string()));
    enforcement_->polkit->ask(api_question(subject_, permission, object, driver), enforcement_->deadline,
                              std::move(done));
}

std::optional<Answer> Viewer::known(Permission permission, const Object& object, std::string_view driver) const {
    return enforcement_->polkit->known(api_question(subject_, permission, object, driver));
}

std::string Viewer::reason(Permission permission, const Object& object) const {
    const std::string by = rules_ ? rules_->policy().reason(rules_->decide(permission, object))
                                  : fmt::format("polkit (action {})", api_action(permission));
    const std::string text = fmt::format("{} denies {}", by, permission_name(permission));
    const std::string what = object.to_string();
    return what.empty() ? text : text + " on " + what;
}

} // namespace polyvirt::access
