// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/work/worker_pool.h"

#include <atomic>
#include <future>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/sync.h"

namespace polyvirt::work {
namespace {

using namespace std::chrono_literals;

constexpr auto kBound = 60s;

// What jobs touch is declared before the pool, whose destructor waits for them.

// A place where jobs stand until they are let go; counts who came.
class Gate {
  public:
    // For jobs.
    void pass() {
        LeafLock lock(mu_);
        ++inside_;
        arrived_.notify_all();
        while (!open_) opened_.wait(lock);
        ++passed_;
        arrived_.notify_all();
    }
    // For the test.
    void open() {
        LeafLock lock(mu_);
        open_ = true;
        opened_.notify_all();
    }
    [[nodiscard]] bool wait_inside(unsigned n) {
        LeafLock lock(mu_);
        while (inside_ < n)
            if (!arrived_.wait_until(lock, std::chrono::steady_clock::now() + kBound)) return false;
        return true;
    }
    [[nodiscard]] unsigned inside() {
        LeafLock lock(mu_);
        return inside_;
    }

  private:
    Mutex mu_{Rank::leaf};
    CondVar arrived_, opened_;
    unsigned inside_ PV_GUARDED_BY(mu_) = 0;
    unsigned passed_ PV_GUARDED_BY(mu_) = 0;
    bool open_ PV_GUARDED_BY(mu_) = false;
};

// Looks again until it holds; for what the pool does without being able to tell.
template <typename F> bool eventually(F holds) {
    const auto until = std::chrono::steady_clock::now() + kBound;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::yield();
    }
    return true;
}

std::string thread_name() {
    std::string name(16, '\0');
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.c_str();
}

void submit(WorkerPool& pool, WorkerPool::Job job, bool priority = false) {
    ASSERT_TRUE(pool.submit(std::move(job), priority));
}

TEST(WorkerPool, runs_every_job_before_it_ends) {
    std::atomic<int> ran{0};
    {
        WorkerPool pool(PoolLimits{});
        for (int i = 0; i < 1000; ++i)
            submit(
                pool, [&] { ++ran; }, i % 3 == 0);
    }
    EXPECT_EQ(ran, 1000);
}

TEST(WorkerPool, one_worker_runs_in_order_of_arrival) {
    std::vector<int> order;
    {
        WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0});
        for (int i = 0; i < 100; ++i)
            submit(
                pool, [&order, i] { order.push_back(i); }, i % 2 == 0);
    }
    ASSERT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(WorkerPool, names_its_threads_and_blocks_their_signals) {
    Gate ordinary;
    std::promise<std::string> prio;
    std::promise<std::string> name;
    std::promise<bool> blocked;
    WorkerPool pool({.min_workers = 2, .max_workers = 2, .prio_workers = 1});
    submit(pool, [&] {
        name.set_value(thread_name());
        sigset_t set;
        pthread_sigmask(SIG_SETMASK, nullptr, &set);
        blocked.set_value(sigismember(&set, SIGTERM) == 1);
        ordinary.pass();
    });
    submit(pool, [&] { ordinary.pass(); });
    ASSERT_TRUE(ordinary.wait_inside(2));
    submit(
        pool, [&] { prio.set_value(thread_name()); }, true);
    EXPECT_EQ(prio.get_future().get(), "prio-0");
    EXPECT_EQ(name.get_future().get().substr(0, 7), "worker-");
    EXPECT_TRUE(blocked.get_future().get());
    ordinary.open();
}

TEST(WorkerPool, priority_jobs_pass_a_pool_full_of_stuck_ones) {
    Gate gate;
    std::promise<void> answered;
    WorkerPool pool({.min_workers = 1, .max_workers = 3, .prio_workers = 1});
    for (int i = 0; i < 10; ++i) submit(pool, [&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(3));
    submit(
        pool, [&] { answered.set_value(); }, true);
    EXPECT_EQ(answered.get_future().wait_for(kBound), std::future_status::ready);
    EXPECT_EQ(gate.inside(), 3U)
        << "a priority worker took an ordinary job, or the pool grew past its limit";
    EXPECT_EQ(pool.stats().queued, 7U);
    gate.open();
}

TEST(WorkerPool, a_full_queue_answers_no) {
    Gate gate;
    WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0, .max_queued = 3});
    submit(pool, [&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(1));
    for (int i = 0; i < 3; ++i) submit(pool, [] {});
    EXPECT_FALSE(pool.submit([] {}, false));
    EXPECT_FALSE(pool.submit([] {}, true));
    gate.open();
    EXPECT_TRUE(eventually([&] { return pool.submit([] {}, false); }));
}

TEST(WorkerPool, grows_by_need_to_its_limit) {
    Gate gate;
    WorkerPool pool({.min_workers = 1, .max_workers = 4, .prio_workers = 0});
    EXPECT_EQ(pool.stats().workers, 1U);
    for (unsigned n = 1; n <= 4; ++n) {
        submit(pool, [&] { gate.pass(); });
        ASSERT_TRUE(gate.wait_inside(n));
        EXPECT_EQ(pool.stats().workers, n);
    }
    submit(pool, [&] { gate.pass(); });
    EXPECT_EQ(pool.stats().workers, 4U);
    EXPECT_EQ(pool.stats().queued, 1U);
    gate.open();
}

TEST(WorkerPool, an_idle_worker_is_used_before_another_is_started) {
    WorkerPool pool({.min_workers = 1, .max_workers = 8, .prio_workers = 0});
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(eventually([&] { return pool.stats().free_workers == 1; }));
        submit(pool, [] {});
    }
    EXPECT_EQ(pool.stats().workers, 1U);
}

TEST(WorkerPool, a_parked_worker_is_replaced_up_to_the_hard_cap) {
    Gate stuck;
    WorkerPool pool({.min_workers = 1, .max_workers = 2, .prio_workers = 0, .hard_cap = 5});
    for (unsigned i = 0; i < 9; ++i)
        submit(pool, [&] {
            const WorkerPool::Parked outer;
            const WorkerPool::Parked inner; // counts once
            stuck.pass();
        });
    ASSERT_TRUE(stuck.wait_inside(5));
    EXPECT_EQ(pool.stats().workers, 5U);
    EXPECT_EQ(pool.stats().parked, 5U);
    EXPECT_EQ(pool.stats().queued, 4U);
    stuck.open();
    ASSERT_TRUE(pool.drain(60'000));
    EXPECT_EQ(pool.stats().parked, 0U);
    EXPECT_TRUE(eventually([&] { return pool.stats().workers <= 2; })) << "the replacements end";
}

TEST(WorkerPool, while_some_are_parked_others_serve) {
    Gate stuck;
    std::promise<void> served;
    WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0, .hard_cap = 3});
    submit(pool, [&] {
        const WorkerPool::Parked parked;
        stuck.pass();
    });
    ASSERT_TRUE(stuck.wait_inside(1));
    submit(pool, [&] { served.set_value(); });
    EXPECT_EQ(served.get_future().wait_for(kBound), std::future_status::ready);
    stuck.open();
}

TEST(WorkerPool, workers_that_block_without_a_word_are_found_and_replaced) {
    Gate stuck;
    std::promise<void> served;
    WorkerPool pool({.min_workers = 1, .max_workers = 2, .prio_workers = 0, .hard_cap = 4});
    for (int i = 0; i < 6; ++i) submit(pool, [&] { stuck.pass(); });
    ASSERT_TRUE(stuck.wait_inside(4)) << "two more than may run at once";
    EXPECT_EQ(pool.stats().workers, 4U) << "the cap holds for these too";
    EXPECT_GE(pool.stats().parked, 2U);
    stuck.open();
    submit(pool, [&] { served.set_value(); });
    EXPECT_EQ(served.get_future().wait_for(kBound), std::future_status::ready);
    ASSERT_TRUE(pool.drain(60'000));
    EXPECT_EQ(pool.stats().parked, 0U);
    EXPECT_TRUE(eventually([&] { return pool.stats().workers <= 2; })) << "the replacements end";
}

TEST(WorkerPool, parked_on_a_foreign_thread_does_nothing) {
    const WorkerPool pool(PoolLimits{});
    const WorkerPool::Parked parked;
    EXPECT_EQ(pool.stats().parked, 0U);
}

TEST(WorkerPool, shrinks_and_grows_with_its_limits) {
    Gate gate;
    WorkerPool pool({.min_workers = 6, .max_workers = 6, .prio_workers = 3});
    EXPECT_EQ(pool.stats().workers, 6U);
    EXPECT_EQ(pool.stats().prio_workers, 3U);
    pool.set_limits({.min_workers = 1, .max_workers = 2, .prio_workers = 1});
    EXPECT_TRUE(
        eventually([&] { return pool.stats().workers == 2 && pool.stats().prio_workers == 1; }));
    for (int i = 0; i < 5; ++i) submit(pool, [&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(2));
    EXPECT_EQ(pool.stats().queued, 3U);
    pool.set_limits({.min_workers = 2, .max_workers = 5, .prio_workers = 4});
    EXPECT_TRUE(gate.wait_inside(5)) << "what waits is taken at once";
    EXPECT_EQ(pool.stats().prio_workers, 4U);
    gate.open();
}

TEST(WorkerPool, idle_workers_beyond_the_minimum_end) {
    Gate gate;
    std::promise<void> served;
    WorkerPool pool({.min_workers = 2, .max_workers = 8, .prio_workers = 0, .idle_for = 1ms});
    for (int i = 0; i < 8; ++i) submit(pool, [&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(8));
    gate.open();
    EXPECT_TRUE(eventually([&] { return pool.stats().workers == 2; }));
    submit(pool, [&] { served.set_value(); });
    EXPECT_EQ(served.get_future().wait_for(kBound), std::future_status::ready);
}

TEST(WorkerPool, strange_limits_are_made_consistent) {
    const WorkerPool pool({.min_workers = 9, .max_workers = 0, .prio_workers = 0, .hard_cap = 0});
    EXPECT_EQ(pool.stats().limits.max_workers, 1U);
    EXPECT_EQ(pool.stats().limits.min_workers, 1U);
    EXPECT_EQ(pool.stats().limits.hard_cap, 1U);
}

TEST(WorkerPool, drains_and_then_refuses) {
    std::atomic<int> ran{0};
    WorkerPool pool({.min_workers = 2, .max_workers = 2, .prio_workers = 1});
    for (int i = 0; i < 500; ++i) submit(pool, [&] { ++ran; });
    EXPECT_TRUE(pool.drain(60'000));
    EXPECT_EQ(ran, 500);
    EXPECT_FALSE(pool.submit([&] { ++ran; }, false));
    EXPECT_FALSE(pool.submit([&] { ++ran; }, true));
}

TEST(WorkerPool, a_drain_gives_up_at_its_deadline) {
    Gate gate;
    WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0});
    submit(pool, [&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(1));
    EXPECT_FALSE(pool.drain(5));
    gate.open();
    EXPECT_TRUE(pool.drain(60'000));
}

TEST(WorkerPool, a_job_that_throws_costs_only_itself) {
    const auto before = bug_count();
    std::atomic<int> ran{0};
    {
        WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0});
        submit(pool, [] { throw std::runtime_error("on purpose"); });
        submit(pool, [] { throw 1; });
        submit(pool, [&] { ++ran; });
    }
    EXPECT_EQ(ran, 1);
    EXPECT_EQ(bug_count(), before + 2);
}

TEST(WorkerPool, a_job_is_destroyed_on_its_worker_and_may_submit_while_it_is) {
    std::promise<void> second;
    WorkerPool pool({.min_workers = 1, .max_workers = 1, .prio_workers = 0});
    submit(pool, [t = std::shared_ptr<void>(
                      nullptr, [&](void*) { submit(pool, [&] { second.set_value(); }); })] {});
    EXPECT_EQ(second.get_future().wait_for(kBound), std::future_status::ready);
}

TEST(WorkerPool, loses_no_wakeup_in_many_single_round_trips) {
    std::atomic<int> done{0};
    WorkerPool pool({.min_workers = 2, .max_workers = 4, .prio_workers = 2});
    for (int i = 0; i < 5000; ++i) {
        submit(
            pool, [&] { ++done; }, i % 2 == 0);
        ASSERT_TRUE(eventually([&] { return done == i + 1; })) << "round " << i;
    }
}

TEST(WorkerPool, serves_many_threads_while_its_limits_change) {
    std::atomic<int> ran{0};
    {
        WorkerPool pool({.min_workers = 1,
                         .max_workers = 6,
                         .prio_workers = 2,
                         .hard_cap = 12,
                         .max_queued = 1'000'000,
                         .idle_for = 1ms});
        std::atomic<bool> over{false};
        std::jthread changer([&] {
            for (unsigned i = 0; !over; ++i)
                pool.set_limits({.min_workers = 1,
                                 .max_workers = 1 + i % 7,
                                 .prio_workers = i % 3,
                                 .hard_cap = 12,
                                 .max_queued = 1'000'000,
                                 .idle_for = 1ms});
        });
        std::vector<std::jthread> submitters;
        submitters.reserve(3);
        for (int t = 0; t < 3; ++t)
            submitters.emplace_back([&] {
                for (int i = 0; i < 5000; ++i)
                    submit(
                        pool,
                        [&ran, i] {
                            if (i % 5 == 0) {
                                const WorkerPool::Parked parked;
                                ++ran;
                                return;
                            }
                            ++ran;
                        },
                        i % 4 == 0);
            });
        submitters.clear();
        over = true;
        changer.join();
        EXPECT_TRUE(pool.drain(60'000));
        EXPECT_LE(pool.stats().workers, 12U);
    }
    EXPECT_EQ(ran, 15'000);
}

} // namespace
} // namespace polyvirt::work
