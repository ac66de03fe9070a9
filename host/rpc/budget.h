// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Budget: a shared allowance of bytes. BudgetShare: a part taken from it, given back when
// destroyed; one of no budget is without limit. Any thread, no lock. The budget outlives its shares
// (they hold it).

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace polyvirt::rpc {

class Budget {
  public:
    explicit Budget(std::size_t limit) : limit_(limit) {}
    [[nodiscard]] bool take(std::size_t n) {
        const std::size_t before = used_.fetch_add(n, std::memory_order_relaxed);
        if (before + n <= limit_.load(std::memory_order_relaxed))
            return true;
        give(n);
        return false;
    }
    void give(std::size_t n) { used_.fetch_sub(n, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }
    void set_limit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }

  private:
    std::atomic<std::size_t> limit_;
    std::atomic<std::size_t> used_{0};
};

class BudgetShare {
  public:
    BudgetShare() = default;
    explicit BudgetShare(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}
    BudgetShare(BudgetShare&& other) noexcept
        : budget_(std::move(other.budget_)), held_(std::exchange(other.held_, 0)) {}
    BudgetShare& operator=(BudgetShare&& other) noexcept {
        std::swap(budget_, other.budget_);
        std::swap(held_, other.held_);
        return *this;
    }
    BudgetShare(const BudgetShare&) = delete;
    BudgetShare& operator=(const BudgetShare&) = delete;
    ~BudgetShare() { release(); }

    // Makes the share `total` bytes; false (and unchanged) when the budget has not that much left.
    [[nodiscard]] bool raise_to(std::size_t total) {
        if (total <= held_)
            return true;
        if (budget_ == nullptr)
            return true;
        if (!budget_->take(total - held_))
            return false;
        held_ = total;
        return true;
    }
    void release() {
        if (held_ != 0)
            budget_->give(std::exchange(held_, 0));
    }
    [[nodiscard]] std::size_t held() const { return held_; }

  private:
    std::shared_ptr<Budget> budget_;
    std::size_t held_ = 0;
};

} // namespace polyvirt::rpc
