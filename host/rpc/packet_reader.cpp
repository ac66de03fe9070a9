// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/packet_reader.h"

#include <algorithm>
#include <cstring>

namespace polyvirt::rpc {
namespace {

constexpr std::size_t kFirstRoom = 4096;
constexpr std::uint32_t kFleeting = 64;

} // namespace

std::span<std::uint8_t> PacketReader::direct_room() {
    if (stage_ != Stage::body)
        return {};
    const std::size_t missing = length_ - packet_.size();
    if (packet_.room() == 0) {
        const std::size_t more = std::min(missing, std::max(kFirstRoom, packet_.size()));
        if (!packet_.reserve(packet_.size() + more)) {
            dropped_ = true;
            stage_ = Stage::skipping;
            skip_left_ = missing;
            packet_ = PacketBuffer();
            return {};
        }
    }
    return {packet_.data() + packet_.size(), packet_.room()};
}

PacketReader::Fault PacketReader::feed(std::size_t direct, Bytes bytes, std::vector<UniqueFd> fds,
                                       Sink& sink) {
    if (direct != 0) {
        packet_.grew(direct);
        if (packet_.size() == length_)
            body_complete();
    }
    for (;;) {
        if (complete_)
            deliver(sink);
        if (bytes.empty())
            return nullptr;
        Fault fault = nullptr;
        switch (stage_) {
        case Stage::head:
            fault = take_head(bytes);
            break;
        case Stage::body:
            take_body(bytes);
            break;
        case Stage::skipping:
            skip_body(bytes);
            break;
        case Stage::descriptors:
            fault = take_descriptor(bytes, fds);
            break;
        }
        if (fault != nullptr)
            return fault;
    }
}

PacketReader::Fault PacketReader::take_head(Bytes& bytes) {
    const std::size_t n = std::min<std::size_t>(bytes.size(), head_need_ - head_have_);
    std::memcpy(head_.data() + head_have_, bytes.data(), n);
    head_have_ += static_cast<std::uint32_t>(n);
    bytes = bytes.subspan(n);
    if (head_have_ < 4)
        return nullptr;
    length_ = protocol::load_be32(head_.data());
    if (length_ < kHeadBytes)
        return "a packet shorter than its header";
    if (length_ > max_packet_)
        return "a packet longer than allowed";
    if (head_have_ < head_need_)
        return nullptr;
    if (head_need_ == kHeadBytes) {
        header_ = protocol::read_header(head_.data() + protocol::kLengthBytes);
        if (header_.type == MsgType::call_with_fds) {
            if (length_ < kHeadBytes + 4)
                return "a packet without its number of descriptors";
            head_need_ = kHeadBytes + 4;
            return nullptr;
        }
    } else {
        fds_due_ = protocol::load_be32(head_.data() + kHeadBytes);
        if (fds_due_ > protocol::kMaxFds)
            return "more descriptors announced than allowed";
    }
    return begin();
}

// The head is there: makes room for as much of the packet as may be in hand.
PacketReader::Fault PacketReader::begin() {
    // Pings, and how streams end, get through whatever is held: they are gone as soon as read.
    const bool fleeting = length_ <= kFleeting && header_.type != MsgType::call &&
                          header_.type != MsgType::call_with_fds;
    packet_ = fleeting ? PacketBuffer() : PacketBuffer(budget_);
    if (!packet_.reserve(std::min<std::size_t>(length_, kFirstRoom))) {
        dropped_ = true;
        skip_left_ = length_ - head_have_;
        stage_ = Stage::skipping;
        if (skip_left_ == 0)
            body_complete();
        return nullptr;
    }
    packet_.append(head_.data(), head_have_);
    stage_ = Stage::body;
    if (packet_.size() == length_)
        body_complete();
    return nullptr;
}

void PacketReader::take_body(Bytes& bytes) {
    const std::size_t missing = length_ - packet_.size();
    const std::size_t n = std::min(bytes.size(), missing);
    if (n > packet_.room() && !packet_.reserve(packet_.size() + n)) {
        dropped_ = true;
        stage_ = Stage::skipping;
        skip_left_ = missing;
        packet_ = PacketBuffer();
        return;
    }
    packet_.append(bytes.data(), n);
    bytes = bytes.subspan(n);
    if (n == missing)
        body_complete();
}

void PacketReader::skip_body(Bytes& bytes) {
    const std::size_t n = std::min(bytes.size(), skip_left_);
    bytes = bytes.subspan(n);
    skip_left_ -= n;
    if (skip_left_ == 0)
        body_complete();
}

void PacketReader::body_complete() {
    if (fds_due_ > fds_.size())
        stage_ = Stage::descriptors;
    else
        complete_ = true;
}

// One byte a descriptor. What arrived with the read belongs to the read's last byte.
PacketReader::Fault PacketReader::take_descriptor(Bytes& bytes, std::vector<UniqueFd>& fds) {
    if (bytes.size() != 1 || fds.empty())
        return "a descriptor's byte without a descriptor";
    bytes = {};
    fds_.push_back(std::move(fds.front()));
    fds.clear();
    if (fds_.size() == fds_due_)
        complete_ = true;
    return nullptr;
}

void PacketReader::deliver(Sink& sink) {
    const Header header = header_;
    PacketBuffer packet = std::move(packet_);
    std::vector<UniqueFd> fds = std::move(fds_);
    const bool dropped = dropped_;
    reset();
    if (dropped)
        sink.on_dropped(header);
    else
        sink.on_packet(header, std::move(packet), std::move(fds));
}

void PacketReader::reset() {
    stage_ = Stage::head;
    complete_ = dropped_ = false;
    head_have_ = 0;
    head_need_ = kHeadBytes;
    packet_ = PacketBuffer();
    skip_left_ = 0;
    fds_due_ = 0;
    fds_.clear();
}

} // namespace polyvirt::rpc
