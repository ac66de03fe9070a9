// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/deadlines.h"

#include <memory>
#include <utility>
#include <vector>

#include "host/dispatch/wire_call.h"

namespace polyvirt::dispatch {
namespace {

using namespace std::chrono_literals;

// A call is answered so long after its time at most: one timer for all of them, armed when there are any.
constexpr auto kRound = 250ms;

std::int64_t now_ns() { return loop::Clock::now().time_since_epoch() / 1ns; }

} // namespace

void Deadlines::set_loop(loop::EventLoop& loop) {
    timer_ = loop.add_timer([this] { expire(); });
}

void Deadlines::set(Deadline which, std::chrono::milliseconds time) {
    ns_[static_cast<std::size_t>(which)].store(time / 1ns);
}

std::int64_t Deadlines::end_of(Deadline which) const {
    const std::int64_t ns = which == Deadline::none ? 0 : ns_[static_cast<std::size_t>(which)].load();
    return ns == 0 ? 0 : now_ns() + ns;
}

void Deadlines::add(Node& node, WireCall& call, std::int64_t at_ns) {
    {
        const LeafLock lock(mu_);
        node = {&call, list_.before, &list_, at_ns};
        node.before->after = node.after->before = &node;
    }
    if (!armed_.load(std::memory_order_relaxed) && !armed_.exchange(true)) timer_.arm(kRound);
}

void Deadlines::remove(Node& node) {
    const LeafLock lock(mu_);
    if (node.call != nullptr) unlink(node);
}

void Deadlines::unlink(Node& node) {
    node.call = nullptr;
    node.before->after = node.after;
    node.after->before = node.before;
}

void Deadlines::expire() {
    std::vector<std::shared_ptr<WireCall>> due;
    bool more = false;
    {
        const LeafLock lock(mu_);
        armed_.store(false);
        const std::int64_t now = now_ns();
        Node* node = list_.after;
        while (node != &list_ && node->at_ns <= now) {
            Node& one = *std::exchange(node, node->after);
            // One that is being destroyed just now takes itself out as soon as it gets the lock.
            auto call = std::static_pointer_cast<WireCall>(one.call->weak_from_this().lock());
            if (call == nullptr) continue;
            due.push_back(std::move(call));
            unlink(one);
        }
        more = node != &list_;
    }
    for (const auto& call : due) call->expire();
    if (more && !armed_.exchange(true)) timer_.arm(kRound);
}

} // namespace polyvirt::dispatch
