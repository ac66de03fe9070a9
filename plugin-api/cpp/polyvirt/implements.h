// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// implements<>: what a driver says it can do, held against the methods that it has.
//
//     class Driver {
//       public:
//         using Implements = plugin::implements<ops::dom_config::define_xml, ops::dom_config::xml_desc>;
//         Status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&);
//         ...
//
// Slots are filled from methods; a listed op without its method, and a method of a listed table that is not listed,
// do not compile. A driver of several classes names the members that have further methods, each class with an
// Implements of its own:
//
//         using Parts = plugin::parts<&Driver::networks_, &Driver::pools_>;
//
// tables_of<Driver>() then has all of them; two methods for one op do not compile.

#include <string_view>

#include <polyvirt/op_tag.h>

namespace polyvirt::plugin {

template <typename... Op> struct implements {
    template <typename Other> static constexpr bool kHas = (std::is_same_v<Op, Other> || ...);
};
template <auto... Member> struct parts {};

namespace detail {

// A class with methods, and how one gets there from the driver.
template <typename D> struct Self {
    using Class = D;
    static Class& of(D& driver) { return driver; }
};
template <auto Member> struct PartClass;
template <typename D, typename C, C D::*Member> struct PartClass<Member> {
    using Class = C;
    static Class& of(D& driver) { return driver.*Member; }
};
// `Parts` may be a member of a base class of the driver's.
template <typename... Source> struct Sources {};
template <typename Parts> struct PartSources;
template <auto... Member> struct PartSources<parts<Member...>> { using List = Sources<PartClass<Member>...>; };

template <typename D> consteval auto sources_of() {
    if constexpr (requires { typename D::Parts; }) {
        return []<typename... S>(Sources<S...>) { return Sources<Self<D>, S...>{}; }(typename PartSources<typename D::Parts>::List{});
    } else {
        return Sources<Self<D>>{};
    }
}

template <typename D, typename Source, typename Op>
pv_status thunk(pv_inst* inst, pv_call* call, const pv_obj* obj, const typename Op::In* in,
                typename Op::Out* out) noexcept {
    D& driver = *reinterpret_cast<D*>(inst);
    return barrier(driver.services(), call, in, out,
                   [&](const typename Op::In& i, typename Op::Out& o) { return Op::run(Source::of(driver), call, obj, i, o); });
}

// The slots of one table that `Source` has methods for; the number of them.
template <typename D, typename Source, typename Table, typename... Op>
constexpr void fill(Table& table, OpList<Op...>) {
    using C = typename Source::Class;
    const auto one = [&table]<typename O>(O*) {
        static_assert(O::template check_listed<C, C::Implements::template kHas<O>>());
        if constexpr (O::template kFound<C>) {
            if (table.*O::kSlot != nullptr) throw "two classes of the driver have a method for one op"; // not constexpr: refused
            table.*O::kSlot = &thunk<D, Source, O>;
        }
    };
    (one(static_cast<Op*>(nullptr)), ...);
}

template <typename D, typename Table, typename... Source> consteval Table make_table(Sources<Source...>) {
    Table table{};
    table.size = sizeof(Table);
    (fill<D, Source>(table, typename TableOps<Table>::List{}), ...);
    return table;
}

template <typename D, typename Table>
inline constexpr Table kTableOf = make_table<D, Table>(sources_of<D>());

// Calls use(Op*) for every op that the driver lists; a true result ends it.
template <typename C, typename Use, typename... Op> constexpr bool each_listed(const Use& use, implements<Op...>) {
    static_assert((Op::template check_there<C>() && ...));
    return (use(static_cast<Op*>(nullptr)) || ...);
}
template <typename Use, typename... Source> constexpr bool each_op(const Use& use, Sources<Source...>) {
    return (each_listed<typename Source::Class>(use, typename Source::Class::Implements{}) || ...);
}

} // namespace detail

// The driver's table of interface `id`; null if it lists no op of it.
template <typename D> const void* find_table(std::string_view id) {
    const void* found = nullptr;
    detail::each_op(
        [&]<typename Op>(Op*) {
            if (id != Op::kTable) return false;
            found = &detail::kTableOf<D, typename Op::Table>;
            return true;
        },
        detail::sources_of<D>());
    return found;
}

} // namespace polyvirt::plugin
