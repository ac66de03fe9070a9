// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "picture.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kWidth = 320, kHeight = 200;

std::string big_endian(std::uint32_t v) {
    return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

std::uint32_t crc(std::string_view bytes) {
    std::uint32_t c = 0xffffffffU;
    for (const char b : bytes) {
        c ^= static_cast<std::uint8_t>(b);
        for (int i = 0; i < 8; ++i) c = (c >> 1) ^ ((c & 1) != 0 ? 0xedb88320U : 0);
    }
    return ~c;
}

std::uint32_t adler(std::string_view bytes) {
    std::uint32_t a = 1, b = 0;
    for (const char byte : bytes) {
        a = (a + static_cast<std::uint8_t>(byte)) % 65'521;
        b = (b + a) % 65'521;
    }
    return b << 16 | a;
}

std::string chunk(std::string_view type, std::string_view data) {
    std::string body(type);
    body += data;
    return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(crc(body));
}

// Deflate's form for what is not compressed: blocks of at most 65535 bytes.
std::string stored(std::string_view bytes) {
    std::string out = "\x78\x01";
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t n = std::min<std::size_t>(bytes.size() - at, 65'535);
        const auto length = static_cast<std::uint16_t>(n), inverse = static_cast<std::uint16_t>(~length);
        out += at + n == bytes.size() ? '\1' : '\0';
        for (const std::uint16_t v : {length, inverse}) {
            out += static_cast<char>(v & 0xff);
            out += static_cast<char>(v >> 8);
        }
        out += bytes.substr(at, n);
        at += n;
    }
    return out + big_endian(adler(bytes));
}

} // namespace

std::string make_picture() {
    std::string pixels;
    pixels.reserve((kWidth + 1) * kHeight);
    for (std::uint32_t y = 0; y < kHeight; ++y) {
        pixels += '\0'; // no filter
        for (std::uint32_t x = 0; x < kWidth; ++x) pixels += static_cast<char>(x * 8 / kWidth * 32);
    }
    const std::string header = big_endian(kWidth) + big_endian(kHeight) + std::string("\x08\x00\x00\x00\x00", 5); // 8 bits, grey
    return std::string("\x89PNG\r\n\x1a\n", 8) + chunk("IHDR", header) + chunk("IDAT", stored(pixels)) + chunk("IEND", "");
}

} // namespace polyvirt::test
