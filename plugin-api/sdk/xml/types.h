// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Values that documents of this field hold in attributes and texts, beyond numbers and strings.
// Each can be absent: an enumeration by its first enumerator, the others by std::optional or
// empty().

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polyvirt::sdk::xml {

// The names of an enumeration's values as they stand in the text, in the order of the enumerators.
// The first enumerator means "not given" and has an empty name. A type becomes bindable by
//     enum class ClockOffset { unset, utc, localtime };
//     constexpr xml::Names names_of(ClockOffset) { return kClockOffsets; }
using Names = std::span<const std::string_view>;

enum class YesNo : std::uint8_t { unset, yes, no };
enum class OnOff : std::uint8_t { unset, on, off };
inline constexpr std::string_view kYesNo[] = {"", "yes", "no"};
inline constexpr std::string_view kOnOff[] = {"", "on", "off"};
constexpr Names names_of(YesNo) {
    return kYesNo;
}
constexpr Names names_of(OnOff) {
    return kOnOff;
}

struct Mac {
    std::array<std::uint8_t, 6> bytes{};
    auto operator<=>(const Mac&) const = default;
    [[nodiscard]] std::string to_string() const; // lower case, colons
    static std::optional<Mac> parse(std::string_view text);
};

// An address of either family; printed in the shortest form.
struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{}; // of an IPv4 address: the first four
    auto operator<=>(const IpAddress&) const = default;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] unsigned bits() const { return v6 ? 128 : 32; }
    // Whether both lie in one network of that prefix. Addresses of different families never do.
    [[nodiscard]] bool same_network(const IpAddress& other, unsigned prefix) const;
    // Of a netmask: how many bits are set from the left; nothing if it has holes.
    [[nodiscard]] std::optional<unsigned> prefix() const;
    static std::optional<IpAddress> parse(std::string_view text);
};

// Permissions of a file; octal in the text, printed with a leading 0.
struct FileMode {
    static constexpr std::uint32_t kMax = 07777;
    std::optional<std::uint32_t> bits;
    bool operator==(const FileMode&) const = default;
};

// A set of CPU or node numbers, "0-3,^2,8": held as ranges, ascending, apart from each other.
struct CpuSet {
    static constexpr std::uint32_t kMax = 16'383;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges; // both ends belong to it

    bool operator==(const CpuSet&) const = default;
    [[nodiscard]] bool empty() const { return ranges.empty(); }
    [[nodiscard]] bool contains(std::uint32_t n) const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::string to_string() const;
    static std::optional<CpuSet> parse(std::string_view text);
};

// The factor of a unit of bytes ("KiB", "kB", "M", "bytes" ...), or 0 where it is none.
std::uint64_t unit_factor(std::string_view unit);

} // namespace polyvirt::sdk::xml
