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

// Runs `op(in, out)`, whose result is a pv_status or a Status, with structs as long as this side knows them. An older
// host's lack the last fields: arguments are zero there, which means "as before"; results are dropped.
template <typename In, typename Out, typename Op>
pv_status barrier(const Services& s, pv_call* call, const In* in, Out* out, Op&& op) noexcept {
    // It has ended when it returns; the other one may write to `out` until it completes, so it gets the host's own.
    constexpr bool kEnds = std::is_same_v<std::invoke_result_t<Op&, const In&, Out&>, Status>;
    const auto run = [&](const In& whole_in, Out& whole_out) -> pv_status {
        if constexpr (kEnds)
            return answer(s, call, op(whole_in, whole_out));
        else
            return op(whole_in, whole_out);
    };
    const auto run_with = [&](const In& whole_in) -> pv_status {
        if (out->size >= sizeof(Out)) return run(whole_in, *out);
        if constexpr (kEnds) {
            Out whole_out{};
            std::memcpy(&whole_out, out, out->size);
            const pv_status status = run(whole_in, whole_out);
            std::memcpy(out, &whole_out, out->size);
            return status;
        } else {
            return fail(s, call, Error{.message = "the host's result struct is shorter than this plugin's"});
        }
    };
    try {
        if (in->size >= sizeof(In)) return run_with(*in);
        In whole{}; // methods don't keep `in` beyond their return
        std::memcpy(&whole, in, in->size);
        return run_with(whole);
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
