// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What drivers hold of a call, when it is over and they use it all the same.
#include "host/plugin/call_handles.h"

#include <cstdint>
#include <vector>

#include <unistd.h>

#include <polyvirt/abi/call.h>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

class CallHandlesTest : public DriverTest {
  protected:
    const pv_svc_call& calls = *service<pv_svc_call>(PV_SVC_CALL);
    void fail(pv_call* call, const char* text) const {
        pv_error e{};
        e.size = sizeof(e);
        e.code = 55;
        e.message = text;
        calls.error(call, &e);
    }
    [[nodiscard]] bool empty() const { return instance->stats().in_flight == 0; }
};

TEST_F(CallHandlesTest, early_completions_count_once) {
    started();
    driver.block = [&](pv_call* c, const pv_obj*, const void*, void*) -> pv_status {
        calls.complete(c, PV_OK);
        calls.complete(c, PV_FAIL);
        return PV_PENDING;
    };
    const auto call = enter(kOpBlock);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(call->done.count(), 1);
    EXPECT_EQ(instance->stats().status_mended, 1U);
}

TEST_F(CallHandlesTest, a_call_that_is_over_answers_nothing_and_takes_nothing) {
    started();
    std::vector<pv_call*> over;
    driver.block = [&](pv_call* c, const pv_obj*, const void*, void*) -> pv_status {
        over.push_back(c);
        return PV_OK; // and yet it uses them afterwards
    };
    for (int i = 0; i < 300; ++i) enter(kOpBlock); // more than slots rest
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return PV_PENDING; };
    const auto other = enter(kOpBlock); // in the place of one of those
    for (pv_call* call : over) {
        calls.complete(call, PV_FAIL);
        calls.error_clear(call);
        fail(call, "late");
        EXPECT_EQ(calls.cancelled(call), 1);
        EXPECT_EQ(calls.client(call), 0U);
        EXPECT_EQ(calls.id(call), 0U);
        EXPECT_EQ(calls.stream(call), nullptr);
        EXPECT_EQ(calls.fd(call, 0), -1);
        EXPECT_EQ(calls.add_reply_fd(call, ::dup(0)), PV_GONE);
        EXPECT_EQ(calls.on_cancel(call, [](void*) noexcept {}, nullptr, nullptr), PV_ORDER);
    }
    EXPECT_EQ(other->done.count(), 0);
    EXPECT_FALSE(other->has_error());
    calls.complete(other->handle(), PV_OK);
    EXPECT_EQ(other->status, PV_OK);
    for (pv_call* nonsense : {reinterpret_cast<pv_call*>(~std::uintptr_t{0}), reinterpret_cast<pv_call*>(std::uintptr_t{1})})
        calls.complete(nonsense, PV_OK);
}

TEST_F(CallHandlesTest, completion_after_the_cancellation_counts_once) {
    started();
    pv_call* pending = nullptr;
    driver.block = [&](pv_call* c, const pv_obj*, const void*, void*) -> pv_status {
        pending = c;
        return PV_PENDING;
    };
    auto call = enter(kOpBlock);
    call->cancel();
    EXPECT_EQ(call->done.count(), 0); // it is the driver's to end it
    fail(pending, "cancelled");
    calls.complete(pending, PV_CANCELLED);
    EXPECT_EQ(call->status, PV_CANCELLED);
    call.reset();
    calls.complete(pending, PV_OK);
    EXPECT_EQ(instance->stats().status_mended, 1U);
}

TEST_F(CallHandlesTest, completions_race_with_each_other) {
    started();
    std::atomic<pv_call*> pending{nullptr};
    std::atomic<bool> stop{false};
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        pending = call;
        return PV_PENDING;
    };
    std::vector<std::thread> completers;
    for (int i = 0; i < 2; ++i)
        completers.emplace_back([&] {
            pv_call* last = nullptr; // each completes every call once, so both together twice
            while (!stop)
                if (pv_call* call = pending.load(); call != last) calls.complete(last = call, PV_OK);
        });
    for (int i = 0; i < 200; ++i) {
        const auto call = enter(kOpBlock);
        ASSERT_TRUE(call->done.wait());
        ASSERT_EQ(call->done.count(), 1);
    }
    stop = true;
    for (auto& completer : completers) completer.join();
    EXPECT_TRUE(eventually([&] { return empty(); }));
}

// Handles of many threads, taken back on others: none is given twice while it lasts.
TEST_F(CallHandlesTest, are_nobody_elses_while_they_last) {
    constexpr int kThreads = 4, kRounds = 2000;
    Mutex mu{Rank::leaf};
    std::vector<std::shared_ptr<TestCall>> waiting;
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < kRounds; ++i) {
                auto mine = std::make_shared<TestCall>();
                const pv_call* handle = mine->handle();
                std::shared_ptr<TestCall> other;
                {
                    const LeafLock lock(mu);
                    waiting.push_back(mine);
                    if (waiting.size() > 100) {
                        other = waiting[static_cast<std::size_t>(i) % waiting.size()];
                        std::erase(waiting, other);
                    }
                }
                const CallRef found = CallHandles::find(mine->handle(), "test");
                if (found && found.get() != mine.get()) ++wrong;
                if (handle == nullptr) ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    for (const auto& call : waiting) EXPECT_EQ(CallHandles::find(call->handle(), "test").get(), call.get());
}

} // namespace
} // namespace polyvirt::plugin
