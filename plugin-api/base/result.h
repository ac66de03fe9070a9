// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Result<T>: a value, or the Error that prevented it. The member names are std::expected's, so that
// the alias can flip when both compilers have it.
//
//     Result<int> parse_port(std::string_view text);
//     PV_ASSIGN_OR_RETURN(const int port, parse_port(text));
//     PV_TRY(listen_on(port));

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/codes.h"

namespace polyvirt {

// What went wrong, in the terms of the wire's error structure. `message` is complete: it names the
// object, what was found and what was expected. Never empty.
struct Error {
    ErrorCode code = ErrorCode::internal_error;
    ErrorDomain domain = ErrorDomain::none;
    std::string message{};
    std::string str1{}, str2{}, str3{}; // as the wire's fields; empty = absent
    std::int32_t int1 = -1, int2 = -1;
};

template <typename T> class [[nodiscard]] Result {
  public:
    using value_type = T;
    Result(T value) // NOLINT(google-explicit-constructor)
        : v_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) // NOLINT(google-explicit-constructor)
        : v_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const { return v_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    T& value() & { return std::get<0>(v_); }
    const T& value() const& { return std::get<0>(v_); }
    T&& value() && { return std::get<0>(std::move(v_)); }
    T& operator*() & { return *std::get_if<0>(&v_); }
    const T& operator*() const& { return *std::get_if<0>(&v_); }
    T&& operator*() && { return std::move(*std::get_if<0>(&v_)); }
    T* operator->() { return std::get_if<0>(&v_); }
    const T* operator->() const { return std::get_if<0>(&v_); }
    Error& error() & { return std::get<1>(v_); }
    const Error& error() const& { return std::get<1>(v_); }
    Error&& error() && { return std::get<1>(std::move(v_)); }
    template <typename U> T value_or(U&& other) const& {
        return has_value() ? **this : static_cast<T>(std::forward<U>(other));
    }

  private:
    std::variant<T, Error> v_;
};

template <> class [[nodiscard]] Result<void> {
  public:
    using value_type = void;
    Result() = default;
    Result(Error error) : error_(std::move(error)) {} // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return !error_.has_value(); }
    explicit operator bool() const { return has_value(); }
    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return *std::move(error_); }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

} // namespace polyvirt

#define PV_CONCAT_(a, b) a##b
#define PV_CONCAT(a, b) PV_CONCAT_(a, b)
// Returns the error of `expr`, if it has one, from the enclosing function.
#define PV_TRY(expr)                                                                               \
    do {                                                                                           \
        if (auto pv_try_ = (expr); !pv_try_) return std::move(pv_try_).error();                    \
    } while (false)
// decl = the value of `expr`, or returns its error from the enclosing function.
#define PV_ASSIGN_OR_RETURN(decl, expr)                                                            \
    auto PV_CONCAT(pv_result_, __LINE__) = (expr);                                                 \
    if (!PV_CONCAT(pv_result_, __LINE__))                                                          \
        return std::move(PV_CONCAT(pv_result_, __LINE__)).error();                                 \
    decl = *std::move(PV_CONCAT(pv_result_, __LINE__))
