// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// slot<>: one method as one slot, for tables that are written by hand (OwnTable in manifest.h); polyvirt/plugin.h fills whole
// tables. A name
// that either side does not have, or a method with another op's structs, does not compile:
//
//     pv_dom_config t{};
//     t.size = sizeof t;
//     t.define_xml = slot<&Driver::define_xml>;
//
// with `pv_status Driver::define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&,
// pv_dom_define_xml_out&)`. The slot is the exception barrier: what a method throws becomes an error
// of the call.

#include <polyvirt/barrier.h>

namespace polyvirt::plugin {

namespace detail {

template <typename Method> struct MethodTraits;
template <typename D, typename In, typename Out>
struct MethodTraits<pv_status (D::*)(pv_call*, const pv_obj*, const In&, Out&)> {
    using Driver = D;
    using Input = In;
    using Output = Out;
};

template <typename D, typename In, typename Out, pv_status (D::*Method)(pv_call*, const pv_obj*, const In&, Out&)>
pv_status enter(pv_inst* inst, pv_call* call, const pv_obj* obj, const In* in, Out* out) noexcept {
    D& driver = *reinterpret_cast<D*>(inst);
    return barrier(driver.services(), call, in, out,
                   [&](const In& i, Out& o) { return (driver.*Method)(call, obj, i, o); });
}

template <auto Method> struct SlotOf {
    using T = MethodTraits<decltype(Method)>;
    static constexpr auto value = &enter<typename T::Driver, typename T::Input, typename T::Output, Method>;
};

} // namespace detail

template <auto Method> inline constexpr auto slot = detail::SlotOf<Method>::value;

} // namespace polyvirt::plugin
