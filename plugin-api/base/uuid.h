// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Uuid: 16 bytes, in the order in which they stand in text. Immutable value.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace polyvirt {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Uuid&) const = default;
    [[nodiscard]] bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }
    // 36 characters, lower case.
    [[nodiscard]] std::string to_string() const;
    // Version 4, from the kernel's random source.
    static Uuid random();
    // Accepts what users write: hex digits of either case, hyphens and blanks anywhere between
    // bytes.
    static std::optional<Uuid> parse(std::string_view text);
    static Uuid from_bytes(const std::uint8_t* sixteen);
};

struct UuidHash {
    std::size_t operator()(const Uuid& u) const noexcept;
};

} // namespace polyvirt
