// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/slot_memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <event2/event.h>
#include <sys/mman.h>

namespace polyvirt::loop::detail {
namespace {

constexpr std::size_t kBytes = SlotMemory::kSlot * SlotMemory::kSlots;

std::byte* address_space() {
    void* p = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

// Never destroyed: libevent frees what it has of it whenever it likes.
[[maybe_unused]] SlotMemory& libevents() {
    static auto* const memory = new SlotMemory;
    return *memory;
}

} // namespace

SlotMemory::SlotMemory() : begin_(address_space()) {}

SlotMemory::~SlotMemory() {
    if (begin_ != nullptr) ::munmap(begin_, kBytes);
}

bool SlotMemory::owns(const void* p) const {
    const auto* at = static_cast<const std::byte*>(p);
    return begin_ != nullptr && at >= begin_ && at < begin_ + kBytes;
}

void* SlotMemory::allocate(std::size_t size) {
    if (size <= kSlot && begin_ != nullptr) {
        const LeafLock lock(mu_);
        if (Free* slot = free_; slot != nullptr) {
            free_ = slot->next;
            return slot;
        }
        if (used_ < kSlots) return begin_ + kSlot * used_++;
    }
    return std::malloc(size); // NOLINT(cppcoreguidelines-no-malloc): libevent's interface
}

void* SlotMemory::resize(void* p, std::size_t size) {
    if (!owns(p)) return std::realloc(p, size); // NOLINT(cppcoreguidelines-no-malloc)
    if (size <= kSlot) return p;
    void* larger = std::malloc(size); // NOLINT(cppcoreguidelines-no-malloc)
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, p, kSlot);
    free(p);
    return larger;
}

void SlotMemory::free(void* p) {
    if (!owns(p)) return std::free(p); // NOLINT(cppcoreguidelines-no-malloc)
    const LeafLock lock(mu_);
    free_ = new (p) Free{free_};
}

void SlotMemory::give_to_libevent() {
#ifndef __SANITIZE_ADDRESS__ // which looks for pointers on the heap, and at how it is used
    event_set_mem_functions([](std::size_t size) { return libevents().allocate(size); },
                            [](void* p, std::size_t size) { return libevents().resize(p, size); },
                            [](void* p) { libevents().free(p); });
#endif
}

} // namespace polyvirt::loop::detail
