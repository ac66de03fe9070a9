// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Typed parameters: written one by one, and whole structs of a document by tables:
//
//     constexpr ParamRow<Memtune> kRows[] = {{"hard_limit", &Memtune::hard_limit, kUnlimited}, ...};
//     put_all(s_, out.params, kRows, tune);
//     PV_TRY(take_all(in.params, in.nparams, kRows, tune));

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <polyvirt/abi/build.h>
#include <polyvirt/services.h>

#include "base/error_text.h"

namespace polyvirt::sdk {

class ParamWriter {
  public:
    // Null (the host had no memory for it) takes nothing.
    ParamWriter(const plugin::Services& s, pv_params* to) : s_(s), to_(to) {}
    void put(std::string_view field, std::int32_t v) const;
    void put(std::string_view field, std::uint32_t v) const;
    void put(std::string_view field, std::int64_t v) const;
    void put(std::string_view field, std::uint64_t v) const;
    void put(std::string_view field, bool v) const;
    void put(std::string_view field, std::string_view v) const;

  private:
    void put(std::string_view field, pv_param& param) const;

    const plugin::Services& s_;
    pv_params* const to_;
};

// "int", "string" ...: as clients are told.
std::string_view param_type_name(std::int32_t type);

Error unknown_param(const char* field);
Error wrong_param_type(const pv_param& param, std::int32_t expected);

using I32 = std::optional<std::int32_t>;
using U32 = std::optional<std::uint32_t>;
using U64 = std::optional<std::uint64_t>;
using I64 = std::optional<std::int64_t>;

template <typename T> struct ParamRow {
    const char* name;
    std::variant<I32 T::*, U32 T::*, U64 T::*, I64 T::*, std::string T::*> member;
    std::int64_t absent = 0; // what clients read and write where the document says nothing
};

namespace detail {
// What each kind of member is on the wire.
template <typename M> struct ParamKind;
template <> struct ParamKind<I32> {
    using Value = std::int32_t;
    static constexpr std::int32_t type = PV_PARAM_INT;
    static Value of(const pv_param& p) { return p.v.i; }
};
template <> struct ParamKind<U32> {
    using Value = std::uint32_t;
    static constexpr std::int32_t type = PV_PARAM_UINT;
    static Value of(const pv_param& p) { return p.v.ui; }
};
template <> struct ParamKind<U64> {
    using Value = std::uint64_t;
    static constexpr std::int32_t type = PV_PARAM_ULLONG;
    static Value of(const pv_param& p) { return p.v.ul; }
};
template <> struct ParamKind<I64> {
    using Value = std::int64_t;
    static constexpr std::int32_t type = PV_PARAM_LLONG;
    static Value of(const pv_param& p) { return p.v.l; }
};
} // namespace detail

template <typename T> void put_row(const ParamWriter& w, const ParamRow<T>& row, const T& from) {
    std::visit(
        [&](auto member) {
            using M = std::remove_cvref_t<decltype(from.*member)>;
            if constexpr (std::is_same_v<M, std::string>) w.put(row.name, std::string_view(from.*member));
            else w.put(row.name, (from.*member).value_or(static_cast<typename detail::ParamKind<M>::Value>(row.absent)));
        },
        row.member);
}

template <typename T> Status take_row(const pv_param& param, const ParamRow<T>& row, T& to) {
    return std::visit(
        [&](auto member) -> Status {
            using M = std::remove_cvref_t<decltype(to.*member)>;
            if constexpr (std::is_same_v<M, std::string>) {
                if (param.type != PV_PARAM_STRING) return wrong_param_type(param, PV_PARAM_STRING);
                to.*member = param.v.s != nullptr ? param.v.s : "";
            } else {
                using Kind = detail::ParamKind<M>;
                if (param.type != Kind::type) return wrong_param_type(param, Kind::type);
                const auto value = Kind::of(param);
                to.*member = value == static_cast<typename Kind::Value>(row.absent) ? M() : M(value);
            }
            return {};
        },
        row.member);
}

template <typename T, std::size_t N>
void put_all(const plugin::Services& s, pv_params* to, const ParamRow<T> (&rows)[N], const T& from) {
    const ParamWriter w(s, to);
    for (const ParamRow<T>& row : rows) put_row(w, row, from);
}

template <typename T, std::size_t N>
Status take_all(const pv_param* params, std::uint32_t count, const ParamRow<T> (&rows)[N], T& to) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const ParamRow<T>* found = nullptr;
        for (const ParamRow<T>& row : rows)
            if (std::string_view(row.name) == params[i].field) found = &row;
        if (found == nullptr) return unknown_param(params[i].field);
        PV_TRY(take_row(params[i], *found, to));
    }
    return {};
}

} // namespace polyvirt::sdk
