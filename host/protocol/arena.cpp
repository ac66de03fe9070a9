// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/protocol/arena.h"

#include <algorithm>

namespace polyvirt::protocol {

void* Arena::allocate(std::size_t size, std::size_t align) {
    void* at = next_;
    std::size_t room = left_;
    if (std::align(align, size, at, room) == nullptr) {
        const std::size_t block = std::max(kBlock, size + align);
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
        heap_bytes_ += block;
        at = blocks_.back().get();
        room = block;
        std::align(align, size, at, room);
    }
    next_ = static_cast<std::byte*>(at) + size;
    left_ = room - size;
    return at;
}

} // namespace polyvirt::protocol
