// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Header: the seven words in front of every packet, as numbers. length counts itself.

#include <cstdint>

namespace polyvirt::rpc {

enum class MessageType : std::int32_t {
    call = 0,
    reply = 1,
    message = 2,
    stream = 3,
    call_with_fds = 4,
    reply_with_fds = 5,
    stream_hole = 6,
};
enum class MessageStatus : std::int32_t { ok = 0, error = 1, cont = 2 };

struct Header {
    std::uint32_t length = 0;
    std::uint32_t prog = 0, vers = 0;
    std::int32_t proc = 0, type = 0;
    std::uint32_t serial = 0;
    std::int32_t status = 0;
};

} // namespace polyvirt::rpc
