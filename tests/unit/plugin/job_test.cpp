// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/loop.h>

#include "host/plugin/thread_kind.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLong = 20'000 * kMs;

class Jobs : public DriverTest {
  protected:
    void SetUp() override { host = started(); }
    pv_status try_begin(std::uint32_t job_class) const { return jobs.begin(host, nullptr, 1, job_class, "test", 0); }
    const pv_svc_job& jobs = *service<pv_svc_job>(PV_SVC_JOB);
    const pv_svc_loop& loops = *service<pv_svc_loop>(PV_SVC_LOOP);
    pv_host* host = nullptr;
};

TEST_F(Jobs, classes_exclude_each_other_as_documented) {
    constexpr std::uint32_t q = PV_JOB_QUERY, m = PV_JOB_MODIFY, d = PV_JOB_DESTROY, a = PV_JOB_ASYNC,
                            am = PV_JOB_ASYNC | PV_JOB_ALLOW_MODIFY;
    struct Row {
        std::uint32_t held, wanted;
        bool together;
    };
    const Row rows[] = {{q, q, true},  {q, m, false}, {q, d, false}, {q, a, true},  {m, q, false},  {m, m, false},
                        {m, d, false}, {m, a, false}, {d, q, false}, {d, m, false}, {d, d, false},  {d, a, true},
                        {a, q, true},  {a, m, false}, {a, d, true},  {a, a, false}, {am, m, true},  {m, am, true},
                        {am, q, true}, {am, a, false}};
    for (const Row& row : rows) {
        ASSERT_EQ(try_begin(row.held), PV_OK);
        EXPECT_EQ(try_begin(row.wanted), row.together ? PV_OK : PV_DEADLINE) << row.held << " and " << row.wanted;
        if (row.together) jobs.end(host, 1, row.wanted);
        jobs.end(host, 1, row.held);
    }
    EXPECT_EQ(try_begin(9), PV_ABI);
    EXPECT_EQ(try_begin(PV_JOB_MODIFY | PV_JOB_ALLOW_MODIFY), PV_ABI);
}

TEST_F(Jobs, a_late_waiter_is_told_who_holds_it) {
    ASSERT_EQ(jobs.begin(host, nullptr, 1, PV_JOB_MODIFY, "migrate", 0), PV_OK);
    auto call = std::make_shared<TestCall>();
    EXPECT_EQ(jobs.begin(host, call->handle(), 1, PV_JOB_MODIFY, "attach-device", 5 * kMs), PV_DEADLINE);
    const Error error = call->take_error(PV_DEADLINE);
    EXPECT_EQ(error.code, ErrorCode::operation_timeout);
    EXPECT_EQ(error.message,
              "Timed out during operation: cannot acquire state change lock (held by monitor=migrate)");
    EXPECT_THAT(error.str3, ::testing::HasSubstr("'attach-device' waited for 'migrate', held for 0 s"));
    jobs.end(host, 1, PV_JOB_MODIFY);
    EXPECT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    jobs.end(host, 1, PV_JOB_MODIFY);
}

TEST_F(Jobs, waiters_get_their_turn) {
    ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    std::atomic<int> inside{0}, most{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            ASSERT_EQ(jobs.begin(host, nullptr, 1, PV_JOB_MODIFY, "turn", kLong), PV_OK);
            most = std::max(most.load(), ++inside);
            --inside;
            jobs.end(host, 1, PV_JOB_MODIFY);
        });
    jobs.end(host, 1, PV_JOB_MODIFY);
    for (auto& t : threads) t.join();
    EXPECT_EQ(most, 1);
}

TEST_F(Jobs, destroy_goes_before_waiting_modifiers) {
    ASSERT_EQ(try_begin(PV_JOB_QUERY), PV_OK);
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "wait");
    std::vector<std::string> order;
    Signal granted;
    struct Waiter {
        const char* name;
        std::vector<std::string>& order;
        Signal& granted;
    };
    Waiter modify{"modify", order, granted};
    Waiter destroy{"destroy", order, granted};
    const auto fn = [](void* ctx, pv_status status) noexcept {
        auto& w = *static_cast<Waiter*>(ctx);
        EXPECT_EQ(status, PV_OK);
        EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_LOOP});
        w.order.emplace_back(w.name);
        w.granted.set();
    };
    EXPECT_EQ(jobs.begin_async(host, nullptr, 1, PV_JOB_MODIFY, "m", kLong, loop, fn, &modify), PV_PENDING);
    EXPECT_EQ(jobs.begin_async(host, nullptr, 1, PV_JOB_DESTROY, "d", kLong, loop, fn, &destroy), PV_PENDING);
    EXPECT_EQ(try_begin(PV_JOB_QUERY), PV_DEADLINE); // behind them
    jobs.end(host, 1, PV_JOB_QUERY);
    ASSERT_TRUE(granted.wait());
    jobs.end(host, 1, PV_JOB_DESTROY);
    ASSERT_TRUE(granted.wait(2));
    jobs.end(host, 1, PV_JOB_MODIFY);
    EXPECT_THAT(order, ::testing::ElementsAre("destroy", "modify"));
    loops.release(loop);
}

TEST_F(Jobs, asynchronous_waiting_ends_at_its_time) {
    ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "late");
    auto call = std::make_shared<TestCall>();
    Signal late;
    const auto fn = [](void* ctx, pv_status status) noexcept {
        EXPECT_EQ(status, PV_DEADLINE);
        static_cast<Signal*>(ctx)->set();
    };
    EXPECT_EQ(jobs.begin_async(host, call->handle(), 1, PV_JOB_MODIFY, "late", 2 * kMs, loop, fn, &late), PV_PENDING);
    EXPECT_TRUE(late.wait());
    EXPECT_EQ(call->take_error(PV_DEADLINE).code, ErrorCode::operation_timeout);
    jobs.end(host, 1, PV_JOB_MODIFY);
    EXPECT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    jobs.end(host, 1, PV_JOB_MODIFY);
    loops.release(loop);
    EXPECT_TRUE(host->census.wait_empty(soon()));
}

TEST_F(Jobs, grant_and_timeout_race) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "race");
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
        struct Outcome {
            Signal told;
            pv_status status = PV_FAIL;
        } outcome;
        const auto fn = [](void* ctx, pv_status status) noexcept {
            auto& o = *static_cast<Outcome*>(ctx);
            o.status = status;
            o.told.set();
        };
        ASSERT_EQ(jobs.begin_async(host, nullptr, 1, PV_JOB_MODIFY, "race", kMs / 10, loop, fn, &outcome), PV_PENDING);
        if (i % 2 == 0) std::this_thread::yield();
        jobs.end(host, 1, PV_JOB_MODIFY);
        ASSERT_TRUE(outcome.told.wait());
        EXPECT_EQ(outcome.told.count(), 1);
        if (outcome.status == PV_OK) jobs.end(host, 1, PV_JOB_MODIFY);
        ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK) << "lost in round " << i;
        jobs.end(host, 1, PV_JOB_MODIFY);
    }
    loops.release(loop);
}

TEST_F(Jobs, a_job_for_a_released_loop_is_not_lost) {
    ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "gone");
    bool told = false;
    const auto fn = [](void* ctx, pv_status) noexcept { *static_cast<bool*>(ctx) = true; };
    ASSERT_EQ(jobs.begin_async(host, nullptr, 1, PV_JOB_MODIFY, "gone", kLong, loop, fn, &told), PV_PENDING);
    loops.release(loop);
    jobs.end(host, 1, PV_JOB_MODIFY);
    EXPECT_TRUE(eventually([&] {
        const bool free = try_begin(PV_JOB_MODIFY) == PV_OK;
        if (free) jobs.end(host, 1, PV_JOB_MODIFY);
        return free;
    }));
    EXPECT_FALSE(told);
}

TEST_F(Jobs, waiting_on_a_loop_is_refused) {
    ASSERT_EQ(try_begin(PV_JOB_MODIFY), PV_OK);
    const ThreadKind kind(PV_THREAD_LOOP);
    EXPECT_EQ(jobs.begin(host, nullptr, 1, PV_JOB_MODIFY, "loop", kLong), PV_ORDER);
    EXPECT_EQ(jobs.begin(host, nullptr, 1, PV_JOB_MODIFY, "loop", 0), PV_DEADLINE);
    jobs.end(host, 1, PV_JOB_MODIFY);
}

struct Submitted {
    std::vector<int>* order;
    int number;
    Signal* done;
    Signal* go = nullptr;
};

TEST_F(Jobs, a_strand_runs_in_order_and_releases) {
    std::vector<int> order;
    Signal done;
    std::vector<Submitted> all;
    for (int i = 0; i < 200; ++i) all.push_back({&order, i, &done});
    for (Submitted& s : all)
        ASSERT_EQ(jobs.submit(
                      host, 7,
                      [](void* ctx) noexcept {
                          auto& x = *static_cast<Submitted*>(ctx);
                          EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_JOB});
                          x.order->push_back(x.number);
                      },
                      &s, [](void* ctx) noexcept { static_cast<Submitted*>(ctx)->done->set(); }),
                  PV_OK);
    ASSERT_TRUE(done.wait(200));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(order.size(), 200U);
}

TEST_F(Jobs, submitters_and_workers_race_on_one_strand) {
    std::atomic<int> inside{0}, ran{0};
    std::atomic<bool> overlapped{false};
    struct Shared {
        std::atomic<int>&inside, &ran;
        std::atomic<bool>& overlapped;
    } state{inside, ran, overlapped};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i)
                ASSERT_EQ(jobs.submit(
                              host, 7,
                              [](void* ctx) noexcept {
                                  auto& s = *static_cast<Shared*>(ctx);
                                  if (++s.inside > 1) s.overlapped = true;
                                  --s.inside;
                                  ++s.ran;
                              },
                              &state, nullptr),
                          PV_OK);
        });
    for (auto& t : threads) t.join();
    EXPECT_TRUE(eventually([&] { return ran == 1200; }));
    EXPECT_FALSE(overlapped);
}

TEST_F(Jobs, a_full_pool_answers_busy_and_takes_nothing) {
    work::PoolLimits full;
    full.max_queued = 0;
    Signal go;
    std::vector<int> order;
    Signal done;
    Submitted blocker{&order, 1, &done, &go};
    const auto fn = [](void* ctx) noexcept {
        auto& x = *static_cast<Submitted*>(ctx);
        EXPECT_TRUE(x.go == nullptr || x.go->wait());
    };
    const auto release = [](void* ctx) noexcept { static_cast<Submitted*>(ctx)->done->set(); };
    pool.set_limits(full);
    Submitted refused{&order, 2, &done};
    pv_status status = PV_OK;
    for (int i = 0; i < 100 && status == PV_OK; ++i) status = jobs.submit(host, 0, fn, &blocker, release);
    EXPECT_EQ(status, PV_BUSY);
    EXPECT_EQ(jobs.submit(host, 3, fn, &refused, release), PV_BUSY);
    pool.set_limits({});
    EXPECT_EQ(jobs.submit(host, 3, fn, &refused, release), PV_OK);
    go.set();
    EXPECT_TRUE(host->census.wait_empty(soon()));
}

TEST_F(Jobs, show_who_holds_and_who_waits) {
    JobLocks& locks = host->locks;
    EXPECT_TRUE(locks.look().empty());
    ASSERT_TRUE(locks.begin(5, PV_JOB_MODIFY, "hold", soon(), 41));
    JobLocks::Ticket ticket;
    const Result<bool> held = locks.begin_async(5, PV_JOB_QUERY, "ask", [] {}, ticket, 42);
    ASSERT_TRUE(held && !*held);
    const auto all = locks.look();
    ASSERT_EQ(all.size(), 1u);
    ASSERT_EQ(all[0].object, 5u);
    ASSERT_EQ(all[0].holders.size(), 1u);
    EXPECT_STREQ(all[0].holders[0].what, "hold");
    EXPECT_EQ(all[0].holders[0].call, 41u);
    ASSERT_EQ(all[0].waiters.size(), 1u);
    EXPECT_EQ(all[0].waiters[0].call, 42u);
    EXPECT_EQ(all[0].waiters[0].job_class, std::uint32_t{PV_JOB_QUERY});
    EXPECT_FALSE(all[0].waiters[0].parked);
    EXPECT_GE(all[0].waiters[0].since, all[0].holders[0].since);
    ASSERT_TRUE(locks.end(5, PV_JOB_MODIFY));
    ASSERT_EQ(locks.look()[0].holders.size(), 1u);
    EXPECT_EQ(locks.look()[0].holders[0].call, 42u);
    ASSERT_TRUE(locks.end(5, PV_JOB_QUERY));
    EXPECT_TRUE(locks.look().empty());
}

} // namespace
} // namespace polyvirt::plugin
