// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Op tables filled from methods. A table lists what the driver implements; a name that either side
// does not have, or a method with another op's structs, does not compile:
//
//     struct pv_inst { Driver driver; ... };
//     pv_dom_config t{};
//     t.size = sizeof t;
//     t.define_xml = slot<&Driver::define_xml>;
//
// with `pv_status Driver::define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&,
// pv_dom_define_xml_out&)`. The slot is the exception barrier: what a method throws becomes an error
// of the call.

#include <cstring>
#include <exception>
#include <new>
#include <type_traits>

#include <polyvirt/call.h>

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
    const Services& s = driver.services();
    try {
        if (out->size < sizeof(Out))
            return fail(s, call, Error{.message = "the host's result struct is shorter than this plugin's"});
        if (in->size >= sizeof(In)) return (driver.*Method)(call, obj, *in, *out);
        // An older host, whose struct lacks the last fields: these are zero, which means "as before". Methods
        // don't keep `in` beyond their return, so a copy will do.
        In whole{};
        std::memcpy(&whole, in, in->size);
        return (driver.*Method)(call, obj, whole, *out);
    } catch (const std::bad_alloc&) {
        return fail(s, call, Error{.code = ErrorCode::no_memory, .message = "out of memory"});
    } catch (const std::exception& e) {
        return fail(s, call, Error{.message = std::string("internal error: ") + e.what()});
    } catch (...) {
        return fail(s, call, Error{.message = "internal error: unknown exception in the driver"});
    }
}

template <auto Method> struct Slot {
    using T = MethodTraits<decltype(Method)>;
    static constexpr auto value = &enter<typename T::Driver, typename T::Input, typename T::Output, Method>;
};

} // namespace detail

template <auto Method> inline constexpr auto slot = detail::Slot<Method>::value;

// Callbacks given to the host: logs what is thrown, since nobody waits for them.
template <typename F> void guarded(const char* category, F&& f) noexcept {
    try {
        f();
    } catch (const std::exception& e) {
        try {
            polyvirt::log::error(category, "exception in a callback: {}", e.what());
        } catch (...) { // nothing left to report with
        }
    } catch (...) {
    }
}

} // namespace polyvirt::plugin
