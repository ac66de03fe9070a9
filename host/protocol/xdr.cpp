// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/protocol/xdr.h"

#include <algorithm>
#include <cstring>

namespace polyvirt::protocol {
namespace {

// Lengths are at most 2^25 where this is used: no overflow.
constexpr std::size_t padded(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

} // namespace

bool Decoder::str(Str& v, std::uint32_t limit) {
    std::uint32_t n = 0;
    if (!u32(n)) return false;
    if (n > limit || padded(n) > left()) return fail();
    char* text = reinterpret_cast<char*>(at_);
    at_ += padded(n);
    // The terminating NUL goes into the padding; without padding the text moves down over its own
    // length word, which has been read.
    if (n % 4 == 0) {
        std::memmove(text - 4, text, n);
        text -= 4;
    }
    text[n] = '\0';
    v.data = text;
    v.size = static_cast<std::uint32_t>(strnlen(text, n)); // texts end at an inner NUL
    return true;
}

bool Decoder::bytes(Bytes& v, std::uint32_t limit) {
    std::uint32_t n = 0;
    if (!u32(n)) return false;
    if (n > limit || padded(n) > left()) return fail();
    v = {at_, n};
    at_ += padded(n);
    return true;
}

bool Decoder::raw(std::uint8_t* to, std::uint32_t n) {
    if (padded(n) > left()) return fail();
    std::memcpy(to, at_, n);
    at_ += padded(n);
    return true;
}

void Encoder::make_room(std::size_t n) {
    // Failing at the limit, so that a reply of many large values stops growing; the callers' loops
    // look at failed(), and what one of them adds until then is bounded by its own limit.
    if (used_ + n > kMaxPacket) fail("the packet", used_ + n, kMaxPacket);
    const std::size_t doubled = std::min<std::size_t>(out_.size() * 2, kMaxPacket);
    out_.resize(std::max({used_ + n, doubled, std::size_t{256}}));
}

void Encoder::raw(const std::uint8_t* from, std::uint32_t n) {
    if (failed()) return;
    std::uint8_t* to = grow(padded(n));
    if (n > 0) std::memcpy(to, from, n);
}

void Encoder::bytes(const Bytes& v, std::uint32_t limit, const char* what) {
    if (count(v.size, limit, what)) raw(v.data, v.size);
}

void Encoder::str(const Str& v, std::uint32_t limit, const char* what) {
    bytes({reinterpret_cast<const std::uint8_t*>(v.data), v.size}, limit, what);
}

bool Encoder::count(std::size_t n, std::uint32_t limit, const char* what) {
    if (n > limit) fail(what, n, limit);
    if (failed()) return false;
    put(static_cast<std::uint32_t>(n));
    return true;
}

void Encoder::fail(const char* what, std::size_t found, std::size_t limit) {
    if (failed()) return;
    failure_ = std::string(what) + " has " + std::to_string(found) + ", the wire's limit is " +
               std::to_string(limit);
}

void Encoder::bad_tag(const char* what, std::int32_t found) {
    if (failed()) return;
    failure_ =
        std::string(what) + " is " + std::to_string(found) + ", which the wire does not know";
}

} // namespace polyvirt::protocol
