// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Control: what is enforced just now, and Viewer: it, seen by one client. A change (reload) makes a new
// snapshot of a higher generation; who holds an old one finishes with it.
//
//     if (const auto viewer = session.viewer(control)) ...  // null: nothing is enforced
//     if (!viewer->decide(permission, object)) deny(viewer->reason(permission, object));

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/sync.h"
#include "host/access/authority.h"
#include "host/access/policy.h"

namespace polyvirt::access {

// Either rules or polkit.
struct Enforcement {
    std::uint64_t generation = 0;
    std::shared_ptr<const Policy> policy; // null: polkit decides
    std::shared_ptr<Authority> polkit;
    std::chrono::milliseconds deadline{5000}; // for polkit's answer
};

// Any thread; its lock is a leaf.
class Control {
  public:
    // 0: nothing is enforced. One atomic load: what every call asks first.
    [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    // Whether decisions may take time, because polkit takes them.
    [[nodiscard]] bool asks() const { return asks_.load(std::memory_order_relaxed); }
    // Null: nothing is enforced.
    [[nodiscard]] std::shared_ptr<const Enforcement> current() const;

    void enforce(std::shared_ptr<const Policy> policy);
    // From now on polkit is asked, about the actions org.libvirt.api.* (polkit_actions.h).
    void enforce_polkit(std::shared_ptr<Authority> polkit, std::chrono::milliseconds deadline);
    // From now on everything that the socket's mode allows is allowed.
    void enforce_nothing();

  private:
    void publish(std::shared_ptr<Enforcement> next);

    mutable Mutex mu_{Rank::leaf};
    std::uint64_t last_ PV_GUARDED_BY(mu_) = 0;
    std::shared_ptr<const Enforcement> current_ PV_GUARDED_BY(mu_);
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<bool> asks_{false};
};

// Immutable; any thread, no lock.
class Viewer {
  public:
    Viewer(std::shared_ptr<const Enforcement> enforcement, Subject subject);

    [[nodiscard]] std::uint64_t generation() const { return enforcement_->generation; }
    [[nodiscard]] const Subject& subject() const { return subject_; }

    // Whether decisions are polkit's: they take time, ask() brings them. Otherwise decide() does, at once.
    [[nodiscard]] bool asks() const { return enforcement_->polkit != nullptr; }

    [[nodiscard]] bool decide(Permission permission, const Object& object) const {
        return rules_->decide(permission, object).allowed;
    }
    // What holds whatever the object; null where that depends on it.
    [[nodiscard]] std::optional<bool> settled(Permission permission) const {
        return asks() ? std::nullopt : rules_->settled(permission);
    }

    // `driver`: of the connection, as polkit's rules know it ("QEMU"). The answer comes as Authority::ask()
    // says, within the deadline; an error is one of the bus or of polkit.
    void ask(Permission permission, const Object& object, std::string_view driver, Authority::Done done) const
        PV_NO_LOCKS_HELD;
    // polkit's answer, if it is known already. Leaf.
    [[nodiscard]] std::optional<Answer> known(Permission permission, const Object& object,
                                              std::string_view driver) const;

    // For a denial: "rule 'no-start' denies domain.start on domain 'web-1'".
    [[nodiscard]] std::string reason(Permission permission, const Object& object) const;

  private:
    const std::shared_ptr<const Enforcement> enforcement_;
    const Subject subject_;
    std::optional<SubjectRules> rules_;
};

} // namespace polyvirt::access
