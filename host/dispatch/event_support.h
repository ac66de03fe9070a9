// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the generated event codecs are made of: checked reads of a driver's payload, the object as the
// wire shows it. Leaf, bounded: runs in post(), with the driver's locks held.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <polyvirt/abi/event.h>

#include "host/protocol/xdr.h"

namespace polyvirt::dispatch::glue {

// The payload as this build knows it; what the driver's own, perhaps shorter one does not cover is
// zero. None is right where nothing but `size` stands in it. False: it is missing or no struct.
template <typename Payload> bool payload_of(const pv_event& event, Payload& to) {
    constexpr std::size_t kEmpty = 8; // size and padding
    if (event.payload == nullptr) return sizeof to == kEmpty;
    std::uint32_t size = 0;
    std::memcpy(&size, event.payload, sizeof size);
    if (size < kEmpty) return false;
    std::memcpy(&to, event.payload, std::min<std::size_t>(size, sizeof to));
    return true;
}

// False: a text that must be there is not.
bool put_text(protocol::Encoder& encoder, const char* text, const char* what);
void put_opt_text(protocol::Encoder& encoder, const char* text, const char* what);
bool put_params(protocol::Encoder& encoder, const pv_param* params, std::uint32_t n, std::uint32_t limit,
                const char* what);

template <typename Record, typename F>
bool put_records(protocol::Encoder& encoder, const Record* from, std::uint32_t n, std::uint32_t limit,
                 const char* what, F put) {
    if (n > 0 && (from == nullptr || from->size == 0)) return false;
    encoder.count(n, limit, what);
    const std::size_t stride = n > 0 ? from->size : 0;
    for (std::uint32_t i = 0; i < n && !encoder.failed(); ++i) {
        Record item{};
        const auto* at = reinterpret_cast<const std::byte*>(from) + i * stride;
        std::memcpy(&item, at, std::min(stride, sizeof item));
        if (!put(item)) return false;
    }
    return true;
}

void put_domain(protocol::Encoder& encoder, const pv_event& event);
void put_network(protocol::Encoder& encoder, const pv_event& event);
void put_pool(protocol::Encoder& encoder, const pv_event& event);
void put_nodedev(protocol::Encoder& encoder, const pv_event& event);
void put_secret(protocol::Encoder& encoder, const pv_event& event);

} // namespace polyvirt::dispatch::glue
