// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The exception barrier of ops and callbacks: what the driver throws ends here, as an error of the call or as a line
// of the log. Every function that the host calls is noexcept by its type, so nothing can go round it.

#include <cstring>
#include <exception>
#include <new>
#include <type_traits>

#include <polyvirt/call.h>

namespace polyvirt::plugin {

// For authors who prefer to throw: the barrier records `error` as it is.
class Failure : public std::exception {
  public:
    explicit Failure(Error error) : error_(std::move(error)) {}
    [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
    [[nodiscard]] const Error& error() const { return error_; }

  private:
    Error error_;
};

namespace detail {

// Inside a handler: the exception that is being handled, as an error.
inline Error caught() {
    try {
        throw;
    } catch (const Failure& f) {
        return f.error();
    } catch (const std::bad_alloc&) {
        return Error{.code = ErrorCode::no_memory, .message = "out of memory"};
    } catch (const std::exception& e) {
        return Error{.message = std::string("internal error: ") + e.what()};
    } catch (...) {
        return Error{.message = "internal error: unknown exception in the driver"};
    }
}

// Runs `op(in, out)`, whose result is a pv_status or a Status, with structs as long as this side knows them.
template <typename In, typename Out, typename Op>
pv_status barrier(const Services& s, pv_call* call, const In* in, Out* out, Op&& op) noexcept {
    const auto run = [&](const In& whole) -> pv_status {
        if constexpr (std::is_same_v<std::invoke_result_t<Op&, const In&, Out&>, Status>)
            return answer(s, call, op(whole, *out));
        else
            return op(whole, *out);
    };
    try {
        if (out->size < sizeof(Out))
            return fail(s, call, Error{.message = "the host's result struct is shorter than this plugin's"});
        if (in->size >= sizeof(In)) return run(*in);
        // An older host, whose struct lacks the last fields: these are zero, which means "as before". Methods
        // don't keep `in` beyond their return, so a copy will do.
        In whole{};
        std::memcpy(&whole, in, in->size);
        return run(whole);
    } catch (...) {
        return fail(s, call, caught());
    }
}

} // namespace detail

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
