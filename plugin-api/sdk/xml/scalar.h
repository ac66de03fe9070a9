// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How one value stands in an attribute or a text. A field of any scalar type is passed on as two
// pointers, to the value and to the operations of its type, so that the binders are compiled once
// and descriptions of elements stay ordinary functions.
//
// Scalar types: std::string, std::optional of an integer, std::optional<Uuid>, std::optional<Mac>,
// std::optional<IpAddress>, FileMode, CpuSet, and enumerations with a names_of() (see types.h).

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/uuid.h"
#include "sdk/xml/types.h"

namespace polyvirt::sdk::xml {

// What holds for a value beyond its type.
struct Rule {
    bool required = false;
    std::int64_t min = std::numeric_limits<std::int64_t>::min();
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
    int hex = -1;              // printed as 0x with at least that many digits; -1: decimal
    const char* why = nullptr; // for the documentation: what the value means
    Names names{};             // of a text: the values that it may have; empty: any
    bool absolute = false;     // of a text: the path of a file, from the root; another is doubtful
    Rule& limits(std::int64_t low, std::uint64_t high) {
        min = low;
        max = high;
        return *this;
    }
};
inline constexpr Rule kRequired{true};
inline Rule absolute_path(bool required = false) {
    Rule rule{required};
    rule.absolute = true;
    return rule;
}
// For texts whose values are known but which nobody compares often: "attribute 'type' ... one of 'a', 'b'".
inline Rule one_of(Names names, bool required = false) {
    Rule rule{required};
    rule.names = names;
    return rule;
}

struct ScalarOps {
    bool (*is_set)(const void* value);
    // False: the text is no such value; then `value` is unchanged.
    bool (*parse)(void* value, std::string_view text, const Rule& rule);
    void (*format)(const void* value, const Rule& rule, std::string& out);
    // "a whole number from 0 to 31", "one of 'utc', 'localtime'"
    void (*expected)(const Rule& rule, std::string& out);
    // The names of an enumeration, for suggestions; empty for other types.
    Names (*names)();
};

struct Scalar {
    void* value;
    const ScalarOps* ops;
};

namespace detail {
struct AnyInteger {
    std::int64_t low;
    std::uint64_t magnitude;
    bool negative;
};
std::optional<AnyInteger> parse_integer(std::string_view text);
bool in_range(const AnyInteger& n, const Rule& rule, std::int64_t type_min, std::uint64_t type_max);
void format_integer(bool negative, std::uint64_t magnitude, const Rule& rule, std::string& out);
void expect_integer(const Rule& rule, std::int64_t type_min, std::uint64_t type_max,
                    std::string& out);
void expect_names(Names names, std::string& out);
int find_name(Names names, std::string_view text);
inline Names no_names() {
    return {};
}

template <typename I> struct IntegerScalar {
    using Field = std::optional<I>;
    static constexpr std::int64_t kMin = static_cast<std::int64_t>(std::numeric_limits<I>::min());
    static constexpr std::uint64_t kMax = static_cast<std::uint64_t>(std::numeric_limits<I>::max());
    static bool is_set(const void* v) { return static_cast<const Field*>(v)->has_value(); }
    static bool parse(void* v, std::string_view text, const Rule& rule) {
        const auto n = parse_integer(text);
        if (!n || !in_range(*n, rule, kMin, kMax))
            return false;
        *static_cast<Field*>(v) =
            n->negative ? static_cast<I>(n->low) : static_cast<I>(n->magnitude);
        return true;
    }
    static void format(const void* v, const Rule& rule, std::string& out) {
        const I n = **static_cast<const Field*>(v);
        if constexpr (std::is_signed_v<I>) {
            const auto wide = static_cast<std::int64_t>(n);
            format_integer(wide < 0,
                           wide < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(wide)
                                    : static_cast<std::uint64_t>(wide),
                           rule, out);
        } else {
            format_integer(false, n, rule, out);
        }
    }
    static void expected(const Rule& rule, std::string& out) {
        expect_integer(rule, kMin, kMax, out);
    }
    static constexpr ScalarOps ops{is_set, parse, format, expected, no_names};
};

template <typename E> struct NameScalar {
    static bool is_set(const void* v) { return static_cast<int>(*static_cast<const E*>(v)) != 0; }
    static bool parse(void* v, std::string_view text, const Rule&) {
        const int found = find_name(names_of(E{}), text);
        if (found <= 0)
            return false;
        *static_cast<E*>(v) = static_cast<E>(found);
        return true;
    }
    static void format(const void* v, const Rule&, std::string& out) {
        const auto at = static_cast<std::size_t>(*static_cast<const E*>(v));
        const Names names = names_of(E{});
        if (at < names.size())
            out += names[at];
    }
    static void expected(const Rule&, std::string& out) { expect_names(names_of(E{}), out); }
    static Names names() { return names_of(E{}); }
    static constexpr ScalarOps ops{is_set, parse, format, expected, names};
};

extern const ScalarOps string_ops, uuid_ops, mac_ops, cpuset_ops, ip_ops, mode_ops;

template <typename T> inline constexpr bool is_optional_integer = false;
template <std::integral I>
inline constexpr bool is_optional_integer<std::optional<I>> = !std::same_as<I, bool>;

template <typename T> const ScalarOps* ops_of() {
    if constexpr (std::same_as<T, std::string>)
        return &string_ops;
    else if constexpr (std::same_as<T, std::optional<Uuid>>)
        return &uuid_ops;
    else if constexpr (std::same_as<T, std::optional<Mac>>)
        return &mac_ops;
    else if constexpr (std::same_as<T, CpuSet>)
        return &cpuset_ops;
    else if constexpr (std::same_as<T, std::optional<IpAddress>>)
        return &ip_ops;
    else if constexpr (std::same_as<T, FileMode>)
        return &mode_ops;
    else if constexpr (is_optional_integer<T>)
        return &IntegerScalar<typename T::value_type>::ops;
    else {
        static_assert(std::is_enum_v<T>, "not a type that an attribute or a text can hold");
        return &NameScalar<T>::ops;
    }
}
} // namespace detail

template <typename T> Scalar scalar(T& value) {
    return {&value, detail::ops_of<T>()};
}

} // namespace polyvirt::sdk::xml
