// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How an op is written here. The ops of a table are the methods of a small class without state, made anew for each
// call; the table names each once:
//
//     class Lifecycle : public Ops {
//       public:
//         using Ops::Ops;
//         pv_status suspend(pv_call*, const pv_obj*, const pv_dom_suspend_in&, pv_dom_suspend_out&);
//     };
//     const void* dom_lifecycle_table() {
//         static const auto table = make_table<pv_dom_lifecycle>([](auto& t) {
//             t.suspend = op<"domain.suspend", &Lifecycle::suspend>;
//         });
//         return &table;
//     }
//
// The glue would make tables of methods by itself (implements<>). These are made by hand because something happens around
// each op, by its name: the slot is where declared faults come true (faults.h), before the glue's barrier and the method.

#include <algorithm>
#include <string_view>

#include <polyvirt/slots.h>

#include "base/error_text.h"
#include "driver.h"
#include "faults.h"
#include "op_names.h"

namespace polyvirt::test {

// Of a call on the guest that runs, its configuration, or both.
inline constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

template <std::size_t N> struct OpName {
    char text[N];
    // A name that the ABI does not have does not compile.
    consteval OpName(const char (&from)[N]) { // NOLINT(google-explicit-constructor)
        std::copy_n(from, N, text);
        if (!is_op({from, N - 1})) throw "no such op";
    }
    [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

class Ops {
  public:
    explicit Ops(Driver& driver) : driver_(driver), s_(driver.services()) {}

  protected:
    pv_status answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }
    pv_status fail(pv_call* call, const Error& error) const { return plugin::fail(s_, call, error); }
    // A text of the answer. A builder that takes no more fails the call by itself, with the host's reason (abi/build.h);
    // so lists, which end with PV_OK, need not ask for each of their entries.
    [[nodiscard]] pv_status put(pv_sink* sink, std::string_view text) const { return plugin::write(s_, sink, text) ? PV_OK : PV_FAIL; }

    Driver& driver_;
    const plugin::Services& s_;
};

// In the peer's words; `function` is its name for the call.
inline Status check_flags(std::uint64_t flags, std::uint64_t known, std::string_view function) {
    if ((flags & ~known) == 0) return {};
    return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unsupported flags (0x{:x}) in function {}", flags & ~known,
                      function);
}

namespace detail {

// The glue's barrier round a method of an object that lives as long as the call of it.
template <auto Method, typename Self, typename In, typename Out>
pv_status run(Driver& driver, pv_call* call, const pv_obj* obj, const In* in, Out* out) noexcept {
    return plugin::detail::barrier(driver.services(), call, in, out, [&](const In& i, Out& o) {
        Self self(driver);
        return (self.*Method)(call, obj, i, o);
    });
}

template <OpName Name, auto Method, typename Self, typename In, typename Out>
pv_status enter(pv_inst* inst, pv_call* call, const pv_obj* obj, const In* in, Out* out) noexcept {
    Driver& driver = *reinterpret_cast<Driver*>(inst);
    Faults& faults = driver.faults();
    if (!faults.any()) return run<Method, Self>(driver, call, obj, in, out);
    try {
        // All of these are the host's until the call completes, so a late run finds them unchanged.
        return faults.pass(Name.view(), call, obj, [&driver, call, obj, in, out] { return run<Method, Self>(driver, call, obj, in, out); });
    } catch (...) {
        return plugin::fail(driver.services(), call, plugin::detail::caught());
    }
}

template <OpName Name, auto Method> struct Op {
    using T = plugin::detail::MethodTraits<decltype(Method)>;
    static constexpr auto value = &enter<Name, Method, typename T::Driver, typename T::Input, typename T::Output>;
};

} // namespace detail

template <OpName Name, auto Method> inline constexpr auto op = detail::Op<Name, Method>::value;

template <typename Table, typename Fill> Table make_table(Fill&& fill) {
    Table t{};
    t.size = sizeof t;
    fill(t);
    return t;
}

} // namespace polyvirt::test
