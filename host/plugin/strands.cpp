// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/strands.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace polyvirt::plugin {

Strands::Taken Strands::take(std::uint64_t key, unsigned share, Entry& entry) {
    Shard& shard = shard_of(key);
    const LeafLock lock(shard.mu);
    for (const auto& strand : shard.taken) {
        if (strand->key != key) continue;
        if (strand->inside < share && strand->queue.empty()) {
            ++strand->inside;
            return Taken::entered;
        }
        if (strand->queue.size() >= kMaxWaiting || waiting() >= kMaxWaitingInAll) return Taken::full;
        strand->queue.push_back(std::move(entry));
        waiting_.fetch_add(1, std::memory_order_relaxed);
        return Taken::queued;
    }
    if (shard.spare.empty()) shard.spare.push_back(std::make_unique<Strand>());
    shard.spare.back()->key = key;
    shard.spare.back()->inside = 1;
    shard.taken.push_back(std::move(shard.spare.back()));
    shard.spare.pop_back();
    return Taken::entered;
}

std::optional<Entry> Strands::next(std::uint64_t key) {
    Shard& shard = shard_of(key);
    const LeafLock lock(shard.mu);
    const auto it = std::find_if(shard.taken.begin(), shard.taken.end(), [&](const auto& t) { return t->key == key; });
    PV_ASSERT(it != shard.taken.end());
    auto& queue = (*it)->queue;
    if (!queue.empty()) {
        std::optional<Entry> entry(std::move(queue.front()));
        queue.pop_front();
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        return entry;
    }
    if (--(*it)->inside != 0) return std::nullopt;
    shard.spare.push_back(std::move(*it));
    std::iter_swap(it, shard.taken.end() - 1);
    shard.taken.pop_back();
    return std::nullopt;
}

} // namespace polyvirt::plugin
