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
// The slot is the barrier for exceptions, and where declared faults come true: it looks for one by the op's name and
// object before the method runs (faults.h).

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include <polyvirt/slots.h>

#include "base/error_text.h"
#include "driver.h"
#include "faults.h"
#include "op_names.h"

namespace polyvirt::test {

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

// What a method throws becomes an error of the call.
template <typename F> pv_status barrier(const plugin::Services& s, pv_call* call, F&& f) noexcept {
    try {
        return f();
    } catch (const std::bad_alloc&) {
        return plugin::fail(s, call, Error{.code = ErrorCode::no_memory, .domain = ErrorDomain::test, .message = "out of memory"});
    } catch (const std::exception& e) {
        return plugin::fail(s, call, make_error(ErrorCode::internal_error, ErrorDomain::test, "{}", e.what()));
    }
}

template <auto Method, typename Self, typename In, typename Out>
pv_status run(Driver& driver, pv_call* call, const pv_obj* obj, const In* in, Out* out) {
    if (out->size < sizeof(Out))
        return plugin::fail(driver.services(), call,
                            Error{.domain = ErrorDomain::test, .message = "the host's result struct is shorter than this plugin's"});
    Self self(driver);
    if (in->size >= sizeof(In)) return (self.*Method)(call, obj, *in, *out);
    // An older host's: what it does not have is zero, "as before". Gone on return, so no late step keeps `in` itself.
    In whole{};
    std::memcpy(&whole, in, in->size);
    return (self.*Method)(call, obj, whole, *out);
}

template <OpName Name, auto Method, typename Self, typename In, typename Out>
pv_status enter(pv_inst* inst, pv_call* call, const pv_obj* obj, const In* in, Out* out) noexcept {
    Driver& driver = *reinterpret_cast<Driver*>(inst);
    return barrier(driver.services(), call, [&] {
        Faults& faults = driver.faults();
        if (!faults.any()) return run<Method, Self>(driver, call, obj, in, out);
        // All of these are the host's until the call completes, so a late run finds them unchanged.
        return faults.pass(Name.view(), call, obj, [&driver, call, obj, in, out] {
            return barrier(driver.services(), call, [&] { return run<Method, Self>(driver, call, obj, in, out); });
        });
    });
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
