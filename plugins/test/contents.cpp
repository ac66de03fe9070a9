// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "contents.h"

#include <algorithm>
#include <cstring>

#include "base/error_text.h"

namespace polyvirt::test {

bool Budget::take(std::uint64_t bytes) {
    std::uint64_t used = used_;
    do {
        if (used + bytes > kMost) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
}

Status Contents::write(std::uint64_t at, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const std::uint64_t index = at / kBlock, inside = at % kBlock;
        const std::size_t n = std::min<std::uint64_t>(bytes.size(), kBlock - inside);
        auto block = blocks_.find(index);
        if (block == blocks_.end()) {
            if (!budget_->take(kBlock))
                return make_error(ErrorCode::operation_failed, ErrorDomain::test,
                                  "no space left: the volumes of a test host keep at most {} bytes in memory", Budget::kMost);
            block = blocks_.emplace(index, std::vector<std::uint8_t>(kBlock)).first;
        }
        std::memcpy(block->second.data() + inside, bytes.data(), n);
        bytes = bytes.subspan(n);
        at += n;
    }
    return {};
}

void Contents::make_hole(std::uint64_t at, std::uint64_t length) {
    const std::uint64_t end = length > UINT64_MAX - at ? UINT64_MAX : at + length;
    for (auto it = blocks_.lower_bound(at / kBlock); it != blocks_.end() && it->first * kBlock < end;) {
        const std::uint64_t begin = it->first * kBlock;
        const std::uint64_t from = std::max(at, begin), to = std::min(end, begin + kBlock);
        if (to - from == kBlock) {
            it = blocks_.erase(it);
            budget_->give_back(kBlock);
            continue;
        }
        std::memset(it->second.data() + (from - begin), 0, to - from);
        ++it;
    }
}

void Contents::read(std::uint64_t at, std::span<std::uint8_t> out) const {
    while (!out.empty()) {
        const std::uint64_t inside = at % kBlock;
        const std::size_t n = std::min<std::uint64_t>(out.size(), kBlock - inside);
        const auto block = blocks_.find(at / kBlock);
        if (block == blocks_.end()) std::memset(out.data(), 0, n);
        else std::memcpy(out.data(), block->second.data() + inside, n);
        out = out.subspan(n);
        at += n;
    }
}

Contents::Run Contents::run_at(std::uint64_t at, std::uint64_t end) const {
    auto it = blocks_.lower_bound(at / kBlock);
    const bool data = it != blocks_.end() && it->first == at / kBlock;
    std::uint64_t to = 0;
    if (data) {
        std::uint64_t index = it->first;
        for (; it != blocks_.end() && it->first == index; ++it) index++;
        to = index * kBlock;
    } else {
        to = it == blocks_.end() ? end : it->first * kBlock;
    }
    return {data, std::min(to, end) - at};
}

Status Contents::copy_from(const Contents& other) {
    clear();
    for (const auto& [index, block] : other.blocks_) PV_TRY(write(index * kBlock, block));
    return {};
}

void Contents::truncate(std::uint64_t length) { make_hole(length, UINT64_MAX - length); }

void Contents::clear() {
    budget_->give_back(blocks_.size() * kBlock);
    blocks_.clear();
}

} // namespace polyvirt::test
