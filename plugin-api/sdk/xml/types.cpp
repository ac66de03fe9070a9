// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/types.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include <arpa/inet.h>

namespace polyvirt::sdk::xml {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::string_view without_blanks(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '\n'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\n'))
        s.remove_suffix(1);
    return s;
}

std::optional<std::uint32_t> number(std::string_view s) {
    s = without_blanks(s);
    std::uint32_t n = 0;
    const auto [end, e] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (e != std::errc() || end != s.data() + s.size() || n > CpuSet::kMax)
        return std::nullopt;
    return n;
}

} // namespace

std::string Mac::to_string() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                       bytes[3], bytes[4], bytes[5]);
}

// One or two digits a byte, as the peer accepts it.
std::optional<Mac> Mac::parse(std::string_view text) {
    Mac mac;
    std::size_t at = 0;
    for (std::size_t i = 0; i < 6; i++) {
        if (i > 0 && (at >= text.size() || text[at++] != ':'))
            return std::nullopt;
        int value = -1;
        for (int digits = 0; digits < 2 && at < text.size() && hex_digit(text[at]) >= 0;
             digits++, at++)
            value = (value < 0 ? 0 : value * 16) + hex_digit(text[at]);
        if (value < 0)
            return std::nullopt;
        mac.bytes[i] = static_cast<std::uint8_t>(value);
    }
    if (at != text.size())
        return std::nullopt;
    return mac;
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
    return text.data();
}

bool IpAddress::same_network(const IpAddress& other, unsigned prefix) const {
    if (v6 != other.v6 || prefix > bits())
        return false;
    for (unsigned i = 0; i < prefix; i++) {
        const auto mask = static_cast<std::uint8_t>(0x80u >> (i % 8));
        if ((bytes[i / 8] & mask) != (other.bytes[i / 8] & mask))
            return false;
    }
    return true;
}

std::optional<unsigned> IpAddress::prefix() const {
    unsigned set = 0;
    bool ended = false;
    for (unsigned i = 0; i < bits(); i++) {
        const bool one = (bytes[i / 8] & (0x80u >> (i % 8))) != 0;
        if (one && ended)
            return std::nullopt;
        ended = ended || !one;
        set += one ? 1 : 0;
    }
    return set;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= INET6_ADDRSTRLEN)
        return std::nullopt;
    const std::string copy(text);
    IpAddress out;
    out.v6 = copy.find(':') != std::string::npos;
    if (inet_pton(out.v6 ? AF_INET6 : AF_INET, copy.c_str(), out.bytes.data()) != 1)
        return std::nullopt;
    return out;
}

bool CpuSet::contains(std::uint32_t n) const {
    return std::any_of(ranges.begin(), ranges.end(),
                       [n](const auto& r) { return r.first <= n && n <= r.second; });
}

std::size_t CpuSet::size() const {
    std::size_t n = 0;
    for (const auto& [first, last] : ranges)
        n += last - first + 1;
    return n;
}

std::string CpuSet::to_string() const {
    std::string out;
    for (const auto& [first, last] : ranges) {
        if (!out.empty())
            out += ',';
        out += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    return out;
}

std::optional<CpuSet> CpuSet::parse(std::string_view text) {
    std::vector<bool> bits;
    text = without_blanks(text);
    while (true) {
        const std::size_t comma = text.find(',');
        std::string_view part = without_blanks(text.substr(0, comma));
        const bool without = !part.empty() && part.front() == '^';
        if (without)
            part.remove_prefix(1);
        const std::size_t dash = part.find('-');
        const auto first = number(part.substr(0, dash));
        const auto last =
            dash == std::string_view::npos || without ? first : number(part.substr(dash + 1));
        if (!first || !last || *last < *first || (without && dash != std::string_view::npos))
            return std::nullopt;
        if (bits.size() <= *last)
            bits.resize(*last + 1);
        std::fill(bits.begin() + *first, bits.begin() + *last + 1, !without);
        if (comma == std::string_view::npos)
            break;
        text.remove_prefix(comma + 1);
    }
    CpuSet out;
    for (std::uint32_t i = 0; i < bits.size(); i++) {
        if (!bits[i])
            continue;
        if (!out.ranges.empty() && out.ranges.back().second + 1 == i)
            out.ranges.back().second = i;
        else
            out.ranges.emplace_back(i, i);
    }
    if (out.empty())
        return std::nullopt;
    return out;
}

std::uint64_t unit_factor(std::string_view unit) {
    std::string u;
    for (const char c : unit)
        u.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    if (u == "b" || u == "byte" || u == "bytes")
        return 1;
    if (u.empty() || u.size() > 3)
        return 0;
    static constexpr std::string_view kLetters = "kmgtpe";
    const std::size_t power = kLetters.find(u[0]);
    if (power == std::string_view::npos)
        return 0;
    const std::string_view tail = std::string_view(u).substr(1);
    if (!tail.empty() && tail != "b" && tail != "ib")
        return 0;
    const std::uint64_t base = tail == "b" ? 1000 : 1024; // "k" alone counts by 1024, "kB" by 1000
    std::uint64_t factor = 1;
    for (std::size_t i = 0; i <= power; i++)
        factor *= base;
    return factor;
}

} // namespace polyvirt::sdk::xml
