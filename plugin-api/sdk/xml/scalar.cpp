// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/scalar.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace polyvirt::sdk::xml::detail {
namespace {

template <typename T> const T& as(const void* v) {
    return *static_cast<const T*>(v);
}
template <typename T> T& as(void* v) {
    return *static_cast<T*>(v);
}

std::string_view trimmed(std::string_view s) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = s.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return s.substr(first, s.find_last_not_of(kBlank) - first + 1);
}

} // namespace

std::optional<AnyInteger> parse_integer(std::string_view text) {
    text = trimmed(text);
    AnyInteger n{0, 0, false};
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
        n.negative = text[0] == '-';
        text.remove_prefix(1);
    }
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text.remove_prefix(2);
    }
    const auto [end, e] =
        std::from_chars(text.data(), text.data() + text.size(), n.magnitude, base);
    if (text.empty() || e != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    if (n.magnitude == 0)
        n.negative = false;
    if (n.negative) {
        if (n.magnitude > (std::uint64_t{1} << 63))
            return std::nullopt;
        n.low = static_cast<std::int64_t>(std::uint64_t{0} - n.magnitude);
    }
    return n;
}

bool in_range(const AnyInteger& n, const Rule& rule, std::int64_t type_min,
              std::uint64_t type_max) {
    const std::int64_t min = std::max(rule.min, type_min);
    const std::uint64_t max = std::min(rule.max, type_max);
    if (n.negative)
        return n.low >= min;
    return n.magnitude <= max && (min <= 0 || n.magnitude >= static_cast<std::uint64_t>(min));
}

void format_integer(bool negative, std::uint64_t magnitude, const Rule& rule, std::string& out) {
    if (negative)
        out += '-';
    if (rule.hex >= 0)
        out += fmt::format("0x{:0{}x}", magnitude, rule.hex);
    else
        out += fmt::format("{}", magnitude);
}

void expect_integer(const Rule& rule, std::int64_t type_min, std::uint64_t type_max,
                    std::string& out) {
    const std::int64_t min = std::max(rule.min, type_min);
    const std::uint64_t max = std::min(rule.max, type_max);
    if (rule.hex >= 0 && min >= 0)
        out += fmt::format("a number from 0x{:x} to 0x{:x}", min, max);
    else
        out += fmt::format("a whole number from {} to {}", min, max);
}

void expect_names(Names names, std::string& out) {
    out += "one of ";
    bool first = true;
    for (const std::string_view n : names) {
        if (n.empty())
            continue;
        if (!first)
            out += ", ";
        first = false;
        out += '\'';
        out += n;
        out += '\'';
    }
}

int find_name(Names names, std::string_view text) {
    if (text.empty())
        return -1;
    const auto it = std::find(names.begin(), names.end(), text);
    return it == names.end() ? -1 : static_cast<int>(it - names.begin());
}

const ScalarOps string_ops{
    [](const void* v) { return !as<std::string>(v).empty(); },
    [](void* v, std::string_view text, const Rule& rule) {
        if (rule.required && text.empty())
            return false;
        if (!rule.names.empty() && !text.empty() && find_name(rule.names, text) < 0)
            return false;
        as<std::string>(v) = text;
        return true;
    },
    [](const void* v, const Rule&, std::string& out) { out += as<std::string>(v); },
    [](const Rule& rule, std::string& out) {
        if (!rule.names.empty())
            return expect_names(rule.names, out);
        out += rule.required ? "a text that is not empty" : "a text";
    },
    no_names};

const ScalarOps uuid_ops{
    [](const void* v) { return as<std::optional<Uuid>>(v).has_value(); },
    [](void* v, std::string_view text, const Rule&) {
        const auto uuid = Uuid::parse(text);
        if (uuid)
            as<std::optional<Uuid>>(v) = *uuid;
        return uuid.has_value();
    },
    [](const void* v, const Rule&, std::string& out) {
        out += as<std::optional<Uuid>>(v)->to_string();
    },
    [](const Rule&, std::string& out) { out += "a UUID (32 hexadecimal digits)"; }, no_names};

const ScalarOps mac_ops{
    [](const void* v) { return as<std::optional<Mac>>(v).has_value(); },
    [](void* v, std::string_view text, const Rule&) {
        const auto mac = Mac::parse(text);
        if (mac)
            as<std::optional<Mac>>(v) = *mac;
        return mac.has_value();
    },
    [](const void* v, const Rule&, std::string& out) {
        out += as<std::optional<Mac>>(v)->to_string();
    },
    [](const Rule&, std::string& out) { out += "a MAC address like 52:54:00:12:34:56"; }, no_names};

const ScalarOps cpuset_ops{
    [](const void* v) { return !as<CpuSet>(v).empty(); },
    [](void* v, std::string_view text, const Rule&) {
        auto set = CpuSet::parse(text);
        if (set)
            as<CpuSet>(v) = std::move(*set);
        return set.has_value();
    },
    [](const void* v, const Rule&, std::string& out) { out += as<CpuSet>(v).to_string(); },
    [](const Rule&, std::string& out) {
        out += fmt::format("a set of numbers up to {}, like 0-3,^2,8", CpuSet::kMax);
    },
    no_names};

const ScalarOps ip_ops{
    [](const void* v) { return as<std::optional<IpAddress>>(v).has_value(); },
    [](void* v, std::string_view text, const Rule&) {
        const auto address = IpAddress::parse(text);
        if (address)
            as<std::optional<IpAddress>>(v) = *address;
        return address.has_value();
    },
    [](const void* v, const Rule&, std::string& out) {
        out += as<std::optional<IpAddress>>(v)->to_string();
    },
    [](const Rule&, std::string& out) { out += "an IPv4 or IPv6 address"; }, no_names};

const ScalarOps mode_ops{
    [](const void* v) { return as<FileMode>(v).bits.has_value(); },
    [](void* v, std::string_view text, const Rule&) {
        text = trimmed(text);
        std::uint32_t bits = 0;
        const auto [end, e] = std::from_chars(text.data(), text.data() + text.size(), bits, 8);
        if (text.empty() || e != std::errc() || end != text.data() + text.size() ||
            bits > FileMode::kMax)
            return false;
        as<FileMode>(v).bits = bits;
        return true;
    },
    [](const void* v, const Rule&, std::string& out) {
        out += fmt::format("0{:o}", *as<FileMode>(v).bits);
    },
    [](const Rule&, std::string& out) { out += "permissions in octal, like 0755"; }, no_names};

} // namespace polyvirt::sdk::xml::detail
