// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <set>

#include <polyvirt/abi/call.h>

#include "host/plugin/thread_kind.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

class Trampoline : public DriverTest {
  protected:
    const pv_svc_call& calls = *service<pv_svc_call>(PV_SVC_CALL);
    void fail(pv_call* call, const char* text) const {
        pv_error e{};
        e.size = sizeof(e);
        e.code = 55;
        e.message = text;
        calls.error(call, &e);
    }
    static pv_obj object(std::uint64_t handle, const pv_obj* parent = nullptr) {
        pv_obj o{};
        o.size = sizeof(o);
        o.handle = handle;
        o.parent = parent;
        return o;
    }
    [[nodiscard]] bool empty() const { return instance->stats().in_flight == 0; }
};

TEST_F(Trampoline, passes_arguments_and_the_result) {
    started();
    int in = 1;
    int out = 0;
    const pv_obj obj = object(3);
    driver.block = [&](pv_call* call, const pv_obj* o, const void* i, void* r) -> pv_status {
        EXPECT_EQ(o, &obj);
        EXPECT_EQ(i, &in);
        *static_cast<int*>(r) = 42;
        EXPECT_EQ(calls.client(call), 1U);
        EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_WORKER});
        return PV_OK;
    };
    auto call = std::make_shared<TestCall>();
    instance->enter(call, kOpBlock, &obj, &in, &out);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(out, 42);
    EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_OTHER});
    EXPECT_TRUE(empty());
}

TEST_F(Trampoline, an_empty_slot_is_not_supported) {
    started();
    EXPECT_TRUE(instance->implements(kOpBlock));
    EXPECT_FALSE(instance->implements(kOpAbsent));
    EXPECT_FALSE(instance->implements(op_number(9, 0)));
    EXPECT_FALSE(instance->implements(op_number(1, 200)));
    for (const std::uint32_t op : {kOpAbsent, op_number(9, 0)}) {
        const auto call = enter(op);
        EXPECT_EQ(call->status, PV_UNSUPPORTED);
        EXPECT_EQ(call->error.code, ErrorCode::no_support);
    }
    EXPECT_TRUE(empty());
}

TEST_F(Trampoline, a_shorter_table_has_empty_slots) {
    driver.table.size = 8 + sizeof(OpFn);
    started();
    EXPECT_TRUE(instance->implements(kOpBlock));
    EXPECT_FALSE(instance->implements(kOpQuick));
}

TEST_F(Trampoline, the_drivers_error_arrives) {
    started();
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        fail(call, "first");
        fail(call, "second");
        return PV_FAIL;
    };
    const auto call = enter(kOpBlock);
    EXPECT_EQ(call->error.message, "first");
    EXPECT_EQ(static_cast<int>(call->error.code), 55);
}

TEST_F(Trampoline, an_error_is_there_if_and_only_if_the_op_failed) {
    started();
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return PV_FAIL; };
    auto call = enter(kOpBlock);
    EXPECT_THAT(call->error.message, ::testing::HasSubstr("driver 'fake' failed with status -2 and gave no reason"));
    driver.block = [&](pv_call* c, const pv_obj*, const void*, void*) -> pv_status {
        fail(c, "not really");
        return PV_OK;
    };
    call = enter(kOpBlock);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_FALSE(call->has_error());
    EXPECT_EQ(instance->stats().status_mended, 2U);
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return 17; };
    EXPECT_EQ(enter(kOpBlock)->status, PV_ABI);
}

TEST_F(Trampoline, completes_later_from_any_thread) {
    started();
    pv_call* pending = nullptr;
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        pending = call;
        return PV_PENDING;
    };
    const auto call = enter(kOpBlock);
    EXPECT_EQ(call->done.count(), 0);
    EXPECT_EQ(instance->stats().in_flight, 1U);
    std::thread other([&] { calls.complete(pending, PV_OK); });
    other.join();
    EXPECT_EQ(call->done.count(), 1);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_TRUE(empty());
}

TEST_F(Trampoline, completes_before_the_op_has_returned) {
    started();
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        std::thread([&] { calls.complete(call, PV_OK); }).join();
        return PV_PENDING;
    };
    const auto call = enter(kOpBlock);
    EXPECT_EQ(call->done.count(), 1);
    EXPECT_EQ(call->status, PV_OK);
}

TEST_F(Trampoline, the_first_completion_counts) {
    started();
    pv_call* pending = nullptr;
    driver.block = [&](pv_call* c, const pv_obj*, const void*, void*) -> pv_status {
        pending = c;
        return PV_PENDING;
    };
    auto call = enter(kOpBlock);
    calls.complete(pending, PV_OK);
    EXPECT_EQ(call->handle(), nullptr);
    calls.complete(pending, PV_FAIL);
    EXPECT_EQ(call->done.count(), 1);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(instance->stats().status_mended, 1U);
    call.reset(); // nothing is left of it, but the handle
    calls.complete(pending, PV_FAIL);
    EXPECT_EQ(instance->stats().status_mended, 2U);
    EXPECT_EQ(instance->stats().in_flight, 0U);
}

TEST_F(Trampoline, completion_races_with_the_return) {
    started();
    std::atomic<pv_call*> pending{nullptr};
    std::atomic<bool> stop{false};
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        pending = call;
        return PV_PENDING;
    };
    std::thread completer([&] {
        while (!stop)
            if (pv_call* call = pending.exchange(nullptr)) calls.complete(call, PV_OK);
    });
    for (int i = 0; i < 3000; ++i) {
        const auto call = enter(kOpBlock);
        ASSERT_TRUE(call->done.wait());
        ASSERT_EQ(call->done.count(), 1);
    }
    stop = true;
    completer.join();
    EXPECT_TRUE(eventually([&] { return empty(); }));
}

TEST_F(Trampoline, cancel_is_told_on_the_loop_and_once) {
    pv_host* host = started();
    Signal cancelled;
    Signal released;
    struct Ctx {
        Signal& cancelled;
        Signal& released;
        pv_host* host;
    } ctx{cancelled, released, host};
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        const auto fn = [](void* c) noexcept {
            auto& x = *static_cast<Ctx*>(c);
            EXPECT_TRUE(x.host->loop->loop.on_thread());
            x.cancelled.set();
        };
        EXPECT_EQ(calls.on_cancel(call, fn, &ctx, [](void* c) noexcept { static_cast<Ctx*>(c)->released.set(); }), PV_OK);
        EXPECT_EQ(calls.on_cancel(call, fn, &ctx, nullptr), PV_ORDER);
        return PV_PENDING;
    };
    const auto call = enter(kOpBlock);
    EXPECT_EQ(calls.cancelled(call->handle()), 0);
    call->cancel();
    EXPECT_TRUE(cancelled.wait());
    EXPECT_EQ(calls.cancelled(call->handle()), 1);
    call->cancel();
    calls.complete(call->handle(), PV_OK);
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(cancelled.count(), 1);
}

TEST_F(Trampoline, no_cancel_after_the_end) {
    started();
    std::atomic<int> cancelled{0};
    Signal released;
    std::pair<std::atomic<int>*, Signal*> ctx{&cancelled, &released};
    driver.block = [&](pv_call* call, const pv_obj*, const void*, void*) -> pv_status {
        return calls.on_cancel(
            call, [](void* c) noexcept { ++*static_cast<decltype(ctx)*>(c)->first; }, &ctx,
            [](void* c) noexcept { static_cast<decltype(ctx)*>(c)->second->set(); });
    };
    const auto call = enter(kOpBlock);
    call->cancel();
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(cancelled, 0);
}

// Counts how many are inside at once, per key.
class Concurrency : public Trampoline {
  protected:
    // Runs 4 calls on each of 3 objects, all at once; the most that were inside together, per object and in all.
    std::pair<int, int> most_inside(std::uint32_t model) {
        started(model);
        static constexpr int kObjects = 3;
        std::array<std::atomic<int>, kObjects> inside{};
        std::atomic<int> all{0}, most_one{0}, most_all{0};
        const auto raise = [](std::atomic<int>& most, int n) {
            int old = most.load();
            while (old < n && !most.compare_exchange_weak(old, n)) {}
        };
        std::vector<pv_obj> objects;
        for (int i = 0; i < kObjects; ++i) objects.push_back(object(100 + static_cast<std::uint64_t>(i)));
        driver.block = [&](pv_call*, const pv_obj* o, const void*, void*) -> pv_status {
            const auto i = o->handle - 100;
            raise(most_one, ++inside[i]);
            raise(most_all, ++all);
            const auto until = SteadyClock::now() + 2ms;
            while (SteadyClock::now() < until) std::this_thread::yield();
            --inside[i];
            --all;
            return PV_OK;
        };
        std::vector<std::shared_ptr<TestCall>> made;
        for (int n = 0; n < 4; ++n)
            for (const pv_obj& o : objects) made.push_back(enter_on_worker(kOpBlock, &o));
        for (const auto& call : made) EXPECT_TRUE(call->done.wait());
        return {most_one, most_all};
    }
};

TEST_F(Concurrency, serial_all_lets_one_in) {
    const auto [one, all] = most_inside(PV_CONCURRENCY_SERIAL_ALL);
    EXPECT_EQ(all, 1);
    EXPECT_EQ(one, 1);
}

TEST_F(Concurrency, serial_per_object_lets_one_in_for_each) {
    const auto [one, all] = most_inside(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    EXPECT_EQ(one, 1);
    EXPECT_GE(all, 1);
}

TEST_F(Concurrency, an_instance_may_lower_what_its_plugin_declared) {
    driver.lowered = PV_CONCURRENCY_SERIAL_ALL;
    const auto [one, all] = most_inside(PV_CONCURRENCY_PARALLEL);
    EXPECT_EQ(all, 1);
    EXPECT_EQ(one, 1);
}

TEST_F(Concurrency, an_instance_cannot_raise_what_its_plugin_declared) {
    driver.lowered = PV_CONCURRENCY_PARALLEL;
    started(PV_CONCURRENCY_SERIAL_ALL);
    EXPECT_EQ(instance->concurrency(), std::uint32_t{PV_CONCURRENCY_SERIAL_ALL});
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    driver.lowered = 77; // no model at all
    started(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    EXPECT_EQ(instance->concurrency(), std::uint32_t{PV_CONCURRENCY_SERIAL_PER_OBJECT});
}

TEST_F(Concurrency, objects_do_not_wait_for_each_other) {
    started(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    Signal inside;
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        inside.set();
        return inside.wait(2) ? PV_OK : PV_FAIL; // only if the other one is in as well
    };
    const pv_obj a = object(1);
    const pv_obj b = object(2);
    const auto first = enter_on_worker(kOpBlock, &a);
    const auto second = enter_on_worker(kOpBlock, &b);
    EXPECT_TRUE(first->done.wait() && second->done.wait());
    EXPECT_EQ(first->status, PV_OK);
    EXPECT_EQ(second->status, PV_OK);
}

TEST_F(Concurrency, a_waiting_call_holds_no_thread) {
    started(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    Signal inside;
    Signal go;
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        inside.set();
        return go.wait() ? PV_OK : PV_FAIL;
    };
    const pv_obj a = object(1);
    const auto first = enter_on_worker(kOpBlock, &a);
    ASSERT_TRUE(inside.wait());
    std::vector<std::shared_ptr<TestCall>> waiting;
    for (int i = 0; i < 100; ++i) waiting.push_back(enter(kOpBlock, &a)); // on this thread: it would hang
    EXPECT_EQ(instance->stats().waiting, 100U);
    EXPECT_EQ(inside.count(), 1);
    go.set();
    EXPECT_TRUE(first->done.wait());
    for (const auto& call : waiting) EXPECT_TRUE(call->done.wait());
    EXPECT_EQ(instance->stats().waiting, 0U);
}

TEST_F(Concurrency, an_object_of_a_parallel_driver_holds_four_workers_at_most) {
    started(PV_CONCURRENCY_PARALLEL);
    Signal inside;
    Signal go;
    driver.block = [&](pv_call*, const pv_obj* o, const void*, void*) -> pv_status {
        if (o->handle == 2) return PV_OK;
        inside.set();
        return go.wait() ? PV_OK : PV_FAIL;
    };
    const pv_obj a = object(1);
    const pv_obj b = object(2);
    std::vector<std::shared_ptr<TestCall>> mine;
    for (int i = 0; i < 4; ++i) mine.push_back(enter_on_worker(kOpBlock, &a));
    ASSERT_TRUE(inside.wait(4));
    for (int i = 0; i < 100; ++i) mine.push_back(enter(kOpBlock, &a)); // on this thread: it would hang
    EXPECT_EQ(inside.count(), 4);
    EXPECT_EQ(instance->stats().waiting, 100U);
    const auto other = enter_on_worker(kOpBlock, &b);
    EXPECT_TRUE(other->done.wait());
    go.set();
    for (const auto& call : mine) EXPECT_TRUE(call->done.wait());
    EXPECT_EQ(instance->stats().waiting, 0U);
}

TEST_F(Concurrency, waiting_calls_keep_their_order) {
    started(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    Signal inside;
    Signal go;
    std::vector<int> order;
    driver.block = [&](pv_call*, const pv_obj*, const void* in, void*) -> pv_status {
        inside.set();
        if (in == nullptr) return go.wait() ? PV_OK : PV_FAIL;
        order.push_back(*static_cast<const int*>(in));
        return PV_OK;
    };
    const pv_obj a = object(1);
    enter_on_worker(kOpBlock, &a);
    ASSERT_TRUE(inside.wait());
    std::array<int, 50> numbers{};
    std::vector<std::shared_ptr<TestCall>> waiting;
    for (int i = 0; i < 50; ++i) {
        numbers[static_cast<std::size_t>(i)] = i;
        waiting.push_back(std::make_shared<TestCall>());
        instance->enter(waiting.back(), kOpBlock, &a, &numbers[static_cast<std::size_t>(i)], nullptr);
    }
    go.set();
    for (const auto& call : waiting) ASSERT_TRUE(call->done.wait());
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(order.size(), 50U);
}

TEST_F(Concurrency, children_share_their_parents_turn) {
    started(PV_CONCURRENCY_SERIAL_PER_OBJECT);
    Signal inside;
    Signal go;
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        inside.set();
        return go.wait() ? PV_OK : PV_FAIL;
    };
    const pv_obj pool_obj = object(1);
    const pv_obj volume = object(2, &pool_obj);
    const auto first = enter_on_worker(kOpBlock, &pool_obj);
    ASSERT_TRUE(inside.wait());
    const auto second = enter(kOpBlock, &volume);
    EXPECT_EQ(inside.count(), 1);
    go.set();
    EXPECT_TRUE(first->done.wait() && second->done.wait());
}

TEST_F(Concurrency, a_pending_call_gives_up_its_turn) {
    started(PV_CONCURRENCY_SERIAL_ALL);
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return PV_PENDING; };
    const auto pending = enter(kOpBlock);
    EXPECT_EQ(enter(kOpQuick)->status, PV_OK);
    calls.complete(pending->handle(), PV_OK);
}

TEST_F(Concurrency, an_abort_is_always_delivered) {
    started(PV_CONCURRENCY_SERIAL_ALL);
    Signal inside;
    Signal go;
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        inside.set();
        return go.wait() ? PV_OK : PV_FAIL;
    };
    const auto call = enter_on_worker(kOpBlock);
    ASSERT_TRUE(inside.wait());
    driver.always = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        go.set();
        return PV_OK;
    };
    EXPECT_EQ(enter(kOpAlways)->status, PV_OK);
    EXPECT_TRUE(call->done.wait());
}

TEST_F(Concurrency, goes_on_when_the_pool_takes_no_more) {
    started(PV_CONCURRENCY_SERIAL_ALL);
    work::PoolLimits full;
    full.max_queued = 0;
    Signal inside;
    Signal go;
    driver.block = [&](pv_call*, const pv_obj*, const void* in, void*) -> pv_status {
        inside.set();
        return in != nullptr || go.wait() ? PV_OK : PV_FAIL;
    };
    const auto first = enter_on_worker(kOpBlock);
    ASSERT_TRUE(inside.wait());
    pool.set_limits(full);
    std::vector<std::shared_ptr<TestCall>> waiting;
    for (int i = 0; i < 10; ++i) {
        waiting.push_back(std::make_shared<TestCall>());
        instance->enter(waiting.back(), kOpBlock, nullptr, &inside, nullptr);
    }
    go.set();
    for (const auto& call : waiting) EXPECT_TRUE(call->done.wait());
}

TEST_F(Trampoline, stop_waits_for_calls_and_refuses_new_ones) {
    started();
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return PV_PENDING; };
    const auto pending = enter(kOpBlock);
    Signal stopped;
    std::atomic<bool> driver_stopped{false};
    driver.on_stop = [&] { driver_stopped = true; };
    std::thread stopper([&] {
        EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
        stopped.set();
    });
    EXPECT_TRUE(eventually([&] { return enter(kOpQuick)->status == PV_BUSY; }));
    EXPECT_FALSE(driver_stopped);
    calls.complete(pending->handle(), PV_OK);
    EXPECT_TRUE(stopped.wait());
    EXPECT_TRUE(driver_stopped);
    stopper.join();
    EXPECT_EQ(instance->state(), InstanceState::stopped);
    EXPECT_THAT(enter(kOpQuick)->error.message, ::testing::HasSubstr("driver 'fake' is being stopped"));
}

TEST_F(Trampoline, a_driver_that_hangs_is_left_alone_at_the_deadline) {
    started();
    driver.block = [](pv_call*, const pv_obj*, const void*, void*) -> pv_status { return PV_PENDING; };
    const auto pending = enter(kOpBlock);
    bool destroyed = false;
    driver.on_destroy = [&] { destroyed = true; };
    EXPECT_FALSE(instance->stop(SteadyClock::now() + 20ms, PV_STOP_SHUTDOWN));
    EXPECT_FALSE(destroyed);
    EXPECT_EQ(instance->state(), InstanceState::failed);
    calls.complete(pending->handle(), PV_OK);
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    EXPECT_TRUE(destroyed);
}

TEST_F(Trampoline, start_may_answer_later_and_may_fail) {
    make();
    driver.on_start = [&](pv_call* call, std::uint32_t how) -> pv_status {
        EXPECT_EQ(how, std::uint32_t{PV_START_COLD});
        EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_INIT});
        std::thread([this, call] {
            fail(call, "no /dev/kvm");
            calls.complete(call, PV_FAIL);
        }).detach();
        return PV_PENDING;
    };
    bool stopped = false;
    driver.on_stop = [&] { stopped = true; };
    const Status status = instance->start();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "no /dev/kvm");
    EXPECT_EQ(instance->state(), InstanceState::failed);
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    EXPECT_FALSE(stopped); // it was never started
}

TEST_F(Trampoline, a_start_after_a_crash_is_told) {
    make();
    std::filesystem::create_directories(dir.host_paths().run + "/fake");
    std::vector<std::uint32_t> seen;
    driver.on_start = [&](pv_call*, std::uint32_t how) -> pv_status {
        seen.push_back(how);
        return PV_OK;
    };
    ASSERT_TRUE(instance->start());
    ASSERT_TRUE(instance->start()); // as after a kill -9: nobody has taken the mark away
    ASSERT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    make();
    ASSERT_TRUE(instance->start());
    EXPECT_THAT(seen, ::testing::ElementsAre(PV_START_COLD, PV_START_CRASH_RECOVER, PV_START_COLD));
}

using TrampolineDeathTest = Trampoline;

TEST_F(TrampolineDeathTest, a_client_lock_must_not_be_held) {
#if defined(PV_LOCK_CHECKS) && PV_LOCK_CHECKS && !defined(__SANITIZE_THREAD__)
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    started();
    const auto wrong = [&]() PV_NO_TSA {
        Mutex mu(Rank::client);
        const ClientLock lock(mu);
        enter(kOpQuick);
    };
    EXPECT_DEATH(wrong(), "entering a driver while holding client");
#else
    GTEST_SKIP() << "built without lock checks";
#endif
}

} // namespace
} // namespace polyvirt::plugin
