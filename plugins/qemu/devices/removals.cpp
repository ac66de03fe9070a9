// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/removals.h"

#include <utility>

namespace polyvirt::qemu {

void Removals::expect(const std::string& alias) {
    tell(alias, Removal::pending); // to an earlier one
    waiting_[alias] = {};
}

void Removals::wait(const plugin::Loop& loop, const std::string& alias, std::int64_t timeout_ns, const Answer& answer) {
    const auto it = waiting_.find(alias);
    if (it == waiting_.end()) return answer(Removal::pending);
    if (it->second.outcome) {
        const Removal outcome = *it->second.outcome;
        waiting_.erase(it);
        return answer(outcome);
    }
    it->second.answer = answer;
    // The run, and this with it, outlives its loop's timers.
    it->second.timer = loop.timer(timeout_ns, 0, [this, alias] { tell(alias, Removal::pending); });
    if (!it->second.timer) tell(alias, Removal::pending);
}

void Removals::tell(const std::string& alias, Removal outcome) {
    const auto it = waiting_.find(alias);
    if (it == waiting_.end()) return;
    if (!it->second.answer) {
        it->second.outcome = outcome;
        return;
    }
    const Waiter waiter = std::move(it->second);
    waiting_.erase(it);
    (*waiter.answer)(outcome);
}

void Removals::drop(const Error& why) {
    for (auto& [alias, waiter] : std::exchange(waiting_, {}))
        if (waiter.answer) (*waiter.answer)(why);
}

} // namespace polyvirt::qemu
