// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/uuid.h"

#include <cstring>

#include <sys/random.h>

namespace polyvirt {

std::string Uuid::to_string() const {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        out += kHex[bytes[i] >> 4];
        out += kHex[bytes[i] & 15];
    }
    return out;
}

Uuid Uuid::random() {
    Uuid u;
    // 16 bytes never come short once the kernel's pool is ready (getrandom(2)).
    while (getrandom(u.bytes.data(), u.bytes.size(), 0) != static_cast<ssize_t>(u.bytes.size())) {
    }
    u.bytes[6] = static_cast<std::uint8_t>((u.bytes[6] & 0x0f) | 0x40);
    u.bytes[8] = static_cast<std::uint8_t>((u.bytes[8] & 0x3f) | 0x80);
    return u;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    Uuid u;
    std::size_t digits = 0;
    for (const char c : text) {
        int v = 0;
        if (c >= '0' && c <= '9')
            v = c - '0';
        else if (c >= 'a' && c <= 'f')
            v = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            v = c - 'A' + 10;
        else if ((c == '-' || c == ' ' || c == '\t' || c == '\n') && digits % 2 == 0)
            continue;
        else
            return std::nullopt;
        if (digits == 32) return std::nullopt;
        auto& byte = u.bytes[digits / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | v);
        ++digits;
    }
    if (digits != 32) return std::nullopt;
    return u;
}

Uuid Uuid::from_bytes(const std::uint8_t* sixteen) {
    Uuid u;
    std::memcpy(u.bytes.data(), sixteen, u.bytes.size());
    return u;
}

namespace {

// Vigna's splitmix64 finaliser: each input bit reaches every output bit, and no two inputs meet.
std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ x >> 31;
}

} // namespace

std::size_t UuidHash::operator()(const Uuid& u) const noexcept {
    // Users choose uuids: without a secret, somebody could choose thousands for one bucket.
    static const std::uint64_t kSecret = [] {
        std::uint64_t secret = 0;
        std::memcpy(&secret, Uuid::random().bytes.data(), 8);
        return secret;
    }();
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, u.bytes.data(), 8);
    std::memcpy(&b, u.bytes.data() + 8, 8);
    return static_cast<std::size_t>(mix(mix(a ^ kSecret) ^ b));
}

} // namespace polyvirt
