// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Op tags: a type for every op of the spec, named as the op, in a namespace named as its table
// (ops::dom_config::define_xml). polyvirt/gen/TABLE.h has them, one line an op; implements<> lists them.
//
// The driver's method for an op has the op's name and is public. It takes (pv_call*, const pv_obj*, const In&, Out&)
// and returns Status, or pv_status where it may say PV_PENDING. Overloads, base classes, const and noexcept are fine.

#include <concepts>
#include <type_traits>

#include <polyvirt/barrier.h>

namespace polyvirt::plugin {

// The tags of one table; TableOps<pv_dom_config>::List is an OpList.
template <typename... Op> struct OpList {};
template <typename Table> struct TableOps;

namespace detail {
template <typename T> concept OpResult = std::same_as<T, pv_status> || std::same_as<T, Status>;
} // namespace detail

} // namespace polyvirt::plugin

// What each tag knows. `kFound`: class C has the method. `check_*`: the two mistakes, told by name.
#define PV_OP_TAG(space, op, base, number)                                                                             \
    struct op {                                                                                                        \
        using Table = pv_##space;                                                                                      \
        using In = base##_in;                                                                                          \
        using Out = base##_out;                                                                                        \
        static constexpr const char* kTable = kInterface;                                                              \
        static constexpr const char* kName = #space "::" #op;                                                          \
        static constexpr std::uint32_t kNumber = number;                                                               \
        static constexpr auto kSlot = &pv_##space::op;                                                                 \
        template <typename C>                                                                                          \
        static constexpr bool kFound = requires(C& c, pv_call* call, const pv_obj* obj, const In& in, Out& out) {      \
            { c.op(call, obj, in, out) } -> ::polyvirt::plugin::detail::OpResult;                                      \
        };                                                                                                             \
        template <typename C> static auto run(C& c, pv_call* call, const pv_obj* obj, const In& in, Out& out) {        \
            return c.op(call, obj, in, out);                                                                           \
        }                                                                                                              \
        template <typename C> static constexpr bool check_there() {                                                    \
            static_assert(kFound<C>, "implements<> lists " #space "::" #op ", but the driver has no public method '"   \
                                     #op "(pv_call*, const pv_obj*, const " #base "_in&, " #base                       \
                                     "_out&)' that returns Status or pv_status");                                      \
            return true;                                                                                               \
        }                                                                                                              \
        template <typename C, bool listed> static constexpr bool check_listed() {                                      \
            static_assert(listed || !kFound<C>,                                                                        \
                          "the driver has a method for " #space "::" #op ", but implements<> does not list it");       \
            return true;                                                                                               \
        }                                                                                                              \
    }
