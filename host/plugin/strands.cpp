// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/strands.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace polyvirt::plugin {

bool Strands::take(std::uint64_t key, Entry& entry) {
    Shard& shard = shard_of(key);
    const LeafLock lock(shard.mu);
    for (const auto& taken : shard.taken) {
        if (taken->key != key) continue;
        taken->queue.push_back(std::move(entry));
        waiting_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    if (shard.spare.empty()) shard.spare.push_back(std::make_unique<Taken>());
    shard.spare.back()->key = key;
    shard.taken.push_back(std::move(shard.spare.back()));
    shard.spare.pop_back();
    return true;
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
    shard.spare.push_back(std::move(*it));
    std::iter_swap(it, shard.taken.end() - 1);
    shard.taken.pop_back();
    return std::nullopt;
}

} // namespace polyvirt::plugin
