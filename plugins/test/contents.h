// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What is in a volume: bytes that were written, the rest is a hole. Held in memory in blocks; all volumes of one host
// together keep at most kMost bytes, so that no client can make the daemon grow without end.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace polyvirt::test {

// Shared by the volumes of a host. Any thread.
class Budget {
  public:
    static constexpr std::uint64_t kMost = 256u << 20;
    [[nodiscard]] bool take(std::uint64_t bytes);
    void give_back(std::uint64_t bytes) { used_ -= bytes; }
    [[nodiscard]] std::uint64_t used() const { return used_; }

  private:
    std::atomic<std::uint64_t> used_{0};
};

// A plain value but for the budget, which outlives it. Under the lock of whoever has it.
class Contents {
  public:
    static constexpr std::uint64_t kBlock = 64u << 10;

    explicit Contents(Budget& budget) : budget_(&budget) {}
    Contents(const Contents&) = delete;
    Contents& operator=(const Contents&) = delete;
    ~Contents() { clear(); }

    // Error: the budget is used up; what was written until then stays.
    [[nodiscard]] Status write(std::uint64_t at, std::span<const std::uint8_t> bytes);
    void make_hole(std::uint64_t at, std::uint64_t length);
    // Reads what is there, holes as zeros.
    void read(std::uint64_t at, std::span<std::uint8_t> out) const;
    // From `at`: whether it is data, and for how many bytes it goes on like that, up to `end`.
    struct Run {
        bool data;
        std::uint64_t length;
    };
    [[nodiscard]] Run run_at(std::uint64_t at, std::uint64_t end) const;
    // Takes over a copy, in place of what it had.
    [[nodiscard]] Status copy_from(const Contents& other);
    void truncate(std::uint64_t length);
    void clear();
    [[nodiscard]] std::uint64_t allocated() const { return blocks_.size() * kBlock; }

  private:
    Budget* budget_;
    std::map<std::uint64_t, std::vector<std::uint8_t>> blocks_; // by at / kBlock
};

} // namespace polyvirt::test
