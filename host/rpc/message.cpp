// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/message.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "host/rpc/client.h"

namespace polyvirt::rpc {

PacketBuffer& PacketBuffer::operator=(PacketBuffer&& other) noexcept {
    share_ = std::move(other.share_);
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
}

bool PacketBuffer::reserve(std::size_t capacity) {
    if (capacity <= capacity_)
        return true;
    if (!share_.raise_to(capacity))
        return false;
    std::unique_ptr<std::uint8_t[]> larger(new std::uint8_t[capacity]);
    if (size_ != 0)
        std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
    return true;
}

void PacketBuffer::append(const std::uint8_t* from, std::size_t n) {
    PV_ASSERT(n <= room());
    if (n != 0)
        std::memcpy(bytes_.get() + size_, from, n);
    size_ += n;
}

std::span<std::uint8_t> Message::payload() {
    const std::size_t skip = header.type == MsgType::call_with_fds ? 4U : 0U;
    const std::size_t start = std::min<std::size_t>(packet.size(), kHeadBytes + skip);
    return {packet.data() + start, packet.size() - start};
}

CallSlot::CallSlot(std::shared_ptr<Client> client, CallPlace& place)
    : client_(std::move(client)), place_(&place), use_(place.use) {}

CallSlot& CallSlot::operator=(CallSlot&& other) noexcept {
    if (this != &other) {
        release();
        client_ = std::move(other.client_);
        place_ = other.place_;
        use_ = other.use_;
    }
    return *this;
}

void CallSlot::release() {
    if (const auto client = std::exchange(client_, nullptr))
        client->end_call(*place_);
}

CallPlace& CallSlot::forget() {
    client_.reset();
    return *place_;
}

void CallSlot::show(RunningCall& call) {
    if (client_)
        place_->shown.store(&call, std::memory_order_release);
}

} // namespace polyvirt::rpc
