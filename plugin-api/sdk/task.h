// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Task<T>: a function that waits without holding a thread, as a coroutine. What it waits for resumes it wherever that
// came about: a loop, a worker. T is a Status or a Result: what is thrown becomes its error.
//
//     Task<Status> attach(GuestPtr guest, std::shared_ptr<Run> run, std::string alias) {
//         Json arguments = {{"id", alias}};                      // (1)
//         auto added = co_await run->qmp("device_add", std::move(arguments));
//         PV_CO_TRY(added);
//         PV_CO_TRY(co_await on_worker(s_, guest->strand));      // (2)
//         co_return save();
//     }
//     start(attach(guest, run, "net1"), [op](Status outcome) { op->finish(outcome); });
//
// Coroutines are functions whose parameters are taken by value, or members of what outlives them; not lambdas with
// captures, which die before the coroutine does. No lock is held over a co_await. (1) What a call that is waited for
// takes is made before, in a variable: gcc 12 ends braced lists inside such an expression too early. (2) On a loop
// nothing may block; who wants to read files goes onto a worker first.
//
// A task does not run before it is waited for or started, and then runs to its end: whatever it waits for answers, if
// only with "given up". Owned by whoever holds it; one thread at a time.

#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <polyvirt/barrier.h>
#include <polyvirt/job.h>

#include "base/result.h"

// As PV_TRY and PV_ASSIGN_OR_RETURN, in a coroutine.
#define PV_CO_TRY(expr)                                                                            \
    do {                                                                                           \
        if (auto pv_try_ = (expr); !pv_try_) co_return std::move(pv_try_).error();                 \
    } while (false)
#define PV_CO_ASSIGN_OR_RETURN(decl, expr)                                                         \
    auto PV_CONCAT(pv_result_, __LINE__) = (expr);                                                 \
    if (!PV_CONCAT(pv_result_, __LINE__))                                                          \
        co_return std::move(PV_CONCAT(pv_result_, __LINE__)).error();                              \
    decl = *std::move(PV_CONCAT(pv_result_, __LINE__))

namespace polyvirt::sdk {

namespace detail {
// Inside a handler: what was thrown, also where there is no memory to say it.
inline Error thrown() noexcept {
    try {
        return plugin::detail::caught();
    } catch (...) {
        return Error{.code = ErrorCode::no_memory, .message = "out of memory"}; // short enough to need none
    }
}
} // namespace detail

template <typename T> class [[nodiscard]] Task {
  public:
    class promise_type {
      public:
        Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Resume {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept { return h.promise().waiter_; }
                void await_resume() noexcept {}
            };
            return Resume{};
        }
        template <typename V> void return_value(V&& value) { value_.emplace(std::forward<V>(value)); }
        void unhandled_exception() noexcept { value_.emplace(detail::thrown()); }

      private:
        friend Task;
        std::optional<T> value_;
        std::coroutine_handle<> waiter_ = std::noop_coroutine();
    };

    Task(Task&& o) noexcept : handle_(std::exchange(o.handle_, nullptr)) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        handle_.promise().waiter_ = waiter;
        return handle_;
    }
    T await_resume() { return *std::move(handle_.promise().value_); }

  private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {
// Nobody waits for it; its frame goes when it has run.
struct Detached {
    struct promise_type {
        Detached get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {
            plugin::guarded("task", [] { throw; });
        }
    };
};
template <typename T, typename Done> Detached drive(Task<T> task, Done done) { done(co_await task); }
} // namespace detail

// Runs it from here to where it first waits; `done(T)` is called where it ends, and throws nothing that matters: nobody
// is left who could be told. Throws only where nothing has begun (no memory), and then `done` is not called.
template <typename T, typename Done> void start(Task<T> task, Done done) { detail::drive(std::move(task), std::move(done)); }

// The end of a callback that a coroutine waits for: called once, from any thread, or else its last copy answers with
// "given up" when it goes. Copies share one answer; further calls do nothing.
template <typename T> class Answer {
  public:
    void operator()(T value) const { state_->give(std::move(value)); }

  private:
    template <typename> friend class Async;
    struct State {
        State(std::optional<T>& to, std::coroutine_handle<> waiter) : slot(&to), handle(waiter) {}
        State(const State&) = delete;
        State& operator=(const State&) = delete;
        ~State() {
            if (!given) give(given_up());
        }
        static Error given_up() noexcept {
            try {
                return Error{.code = ErrorCode::operation_aborted, .message = "operation aborted: nobody is left who could answer"};
            } catch (...) {
                return Error{.code = ErrorCode::operation_aborted, .message = "given up"}; // short enough to need no memory
            }
        }
        void give(T value) {
            if (given.exchange(true)) return;
            slot->emplace(std::move(value));
            handle.resume();
        }
        std::optional<T>* const slot; // in the coroutine, which stands until it is resumed
        const std::coroutine_handle<> handle;
        std::atomic<bool> given = false;
    };
    explicit Answer(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

// What has an answer later: `begin` gets the Answer. co_await once.
template <typename T> class [[nodiscard]] Async {
  public:
    using Begin = std::function<void(Answer<T>)>;
    explicit Async(Begin begin) : begin_(std::move(begin)) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        // The coroutine, and this with it, may have gone before begin() returns.
        const Begin begin = std::move(begin_);
        const auto state = std::make_shared<typename Answer<T>::State>(value_, waiter);
        try {
            begin(Answer<T>(state));
        } catch (...) { // out of here it would resume the coroutine beside the answer
            state->give(detail::thrown());
        }
    }
    T await_resume() { return *std::move(value_); }

  private:
    Begin begin_;
    std::optional<T> value_;
};

// Goes on on a worker, after what was submitted to this strand before (0: beside it). With the host's queue full it
// goes on where it is: late is worse than slow.
inline Async<Status> on_worker(const plugin::Services& s, std::uint64_t strand) {
    return Async<Status>([&s, strand](const Answer<Status>& answer) {
        if (!plugin::submit(s, strand, [answer] { answer({}); })) answer({});
    });
}

} // namespace polyvirt::sdk
