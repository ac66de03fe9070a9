// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Arena: memory of one call, given back all at once. Objects in it are never destroyed, so they
// must not own anything. The first block is part of the arena: small calls allocate nothing. One
// thread at a time.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

namespace polyvirt::protocol {

class Arena {
  public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    void* allocate(std::size_t size, std::size_t align);

    // Zero-initialised.
    template <typename T> T* make() {
        static_assert(std::is_trivially_destructible_v<T>);
        return ::new (allocate(sizeof(T), alignof(T))) T{};
    }
    template <typename T> std::span<T> make_array(std::size_t n) {
        static_assert(std::is_trivially_destructible_v<T>);
        if (n == 0) return {};
        T* first = static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
        for (std::size_t i = 0; i < n; ++i) ::new (first + i) T{};
        return {first, n};
    }

    // What it took beyond the inline block.
    [[nodiscard]] std::size_t heap_bytes() const { return heap_bytes_; }

  private:
    static constexpr std::size_t kInline = 1024;
    static constexpr std::size_t kBlock = 8192;

    alignas(std::max_align_t) std::byte inline_[kInline];
    std::byte* next_ = inline_;
    std::size_t left_ = kInline;
    std::size_t heap_bytes_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

} // namespace polyvirt::protocol
