// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <polyvirt/abi/loop.h>

#include "host/plugin/thread_kind.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

class Loops : public DriverTest {
  protected:
    void SetUp() override { host = started(); }
    static void set(void* ctx) noexcept { static_cast<Signal*>(ctx)->set(); }
    const pv_svc_loop& loops = *service<pv_svc_loop>(PV_SVC_LOOP);
    pv_host* host = nullptr;
};

// A callback's context: what it does, and whether it was given back.
struct Hook {
    std::function<void()> body;
    Signal ran, released;
    static void run(void* ctx) noexcept {
        auto& self = *static_cast<Hook*>(ctx);
        if (self.body) self.body();
        self.ran.set();
    }
    static void run_fd(void* ctx, std::int32_t, std::uint32_t) noexcept { run(ctx); }
    static void release(void* ctx) noexcept { static_cast<Hook*>(ctx)->released.set(); }
};

TEST_F(Loops, every_policy_runs_posts_in_order_and_releases_once) {
    for (const std::uint32_t policy : {PV_LOOP_SHARED, PV_LOOP_POOLED, PV_LOOP_DEDICATED}) {
        pv_loop* loop = loops.acquire(host, policy, "test");
        ASSERT_NE(loop, nullptr) << policy;
        std::vector<int> order;
        std::array<Hook, 20> hooks;
        for (int i = 0; i < 20; ++i) {
            Hook& hook = hooks[static_cast<std::size_t>(i)];
            hook.body = [&, i] {
                EXPECT_EQ(loops.on_loop(loop), 1);
                EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_LOOP});
                order.push_back(i);
            };
            EXPECT_EQ(loops.post(loop, Hook::run, &hook, Hook::release), PV_OK);
        }
        ASSERT_TRUE(hooks[19].released.wait());
        EXPECT_EQ(order.size(), 20U);
        EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
        EXPECT_EQ(loops.on_loop(loop), 0);
        loops.release(loop);
        for (Hook& hook : hooks) EXPECT_EQ(hook.released.count(), 1);
    }
    EXPECT_EQ(loops.acquire(host, 9, "x"), nullptr);
}

TEST_F(Loops, a_callback_that_waits_is_counted) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_SHARED, "test");
    Hook brief, waits;
    waits.body = [] { ::poll(nullptr, 0, 20); };
    loops.post(loop, Hook::run, &brief, Hook::release);
    loops.post(loop, Hook::run, &waits, Hook::release);
    ASSERT_TRUE(waits.released.wait());
    EXPECT_TRUE(eventually([&] { return instance->stats().callbacks == 2; }));
    EXPECT_TRUE(eventually([&] { return instance->stats().slow_callbacks == 1; }));
    loops.release(loop);
}

TEST_F(Loops, callbacks_of_one_loop_never_overlap) {
    for (const std::uint32_t policy : {PV_LOOP_SHARED, PV_LOOP_POOLED, PV_LOOP_DEDICATED}) {
        pv_loop* loop = loops.acquire(host, policy, "test");
        ASSERT_NE(loop, nullptr) << policy;
        std::atomic<int> inside{0}, overlaps{0};
        Hook post, timer, fd;
        post.body = timer.body = fd.body = [&] {
            if (inside.fetch_add(1) != 0) ++overlaps;
            std::this_thread::yield();
            inside.fetch_sub(1);
        };
        int pipe[2];
        ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
        ASSERT_EQ(::write(pipe[1], "x", 1), 1); // readable from now on
        pv_watch* ticking = loops.add_timer(loop, 0, 1000, Hook::run, &timer, Hook::release);
        pv_watch* reading = loops.add_fd(loop, pipe[0], PV_IO_READ, Hook::run_fd, &fd, Hook::release);
        ASSERT_TRUE(ticking != nullptr && reading != nullptr);
        std::vector<std::thread> posters;
        for (int n = 0; n < 3; ++n)
            posters.emplace_back([&] {
                for (int i = 0; i < 100; ++i) loops.post(loop, Hook::run, &post, Hook::release);
            });
        for (std::thread& poster : posters) poster.join();
        EXPECT_TRUE(post.released.wait(300));
        EXPECT_TRUE(timer.ran.wait(3));
        EXPECT_TRUE(fd.ran.wait(3));
        loops.remove(ticking);
        loops.remove(reading);
        EXPECT_TRUE(timer.released.wait() && fd.released.wait());
        loops.release(loop);
        ::close(pipe[0]);
        ::close(pipe[1]);
        EXPECT_EQ(overlaps.load(), 0) << policy;
    }
}

class WatchedLoops : public Loops {
  protected:
    void SetUp() override {
        shared = std::make_shared<HostShared>(pool, sink, nullptr, dog);
        host = started();
    }
    Signal reported;
    loop::Watchdog::Report report; // the first
    std::shared_ptr<loop::Watchdog> dog =
        std::make_shared<loop::Watchdog>(std::chrono::milliseconds(5), [this](const loop::Watchdog::Report& r) {
            if (r.over || reported.count() != 0) return;
            report = r;
            reported.set();
        });
};

TEST_F(WatchedLoops, a_callback_that_hangs_is_named_while_it_hangs) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "monitor-7");
    ASSERT_NE(loop, nullptr);
    Hook hook;
    hook.body = [&] { EXPECT_TRUE(reported.wait()); }; // hangs until it was named
    EXPECT_EQ(loops.post(loop, Hook::run, &hook, Hook::release), PV_OK);
    ASSERT_TRUE(hook.released.wait());
    EXPECT_EQ(report.what.owner, host->plugin_id + "/monitor-7");
    EXPECT_EQ(report.what.code, reinterpret_cast<const void*>(Hook::run));
    EXPECT_FALSE(symbol_of(report.what.code).empty());
    loops.release(loop);
}

TEST_F(Loops, descriptors_and_timers_fire) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "fd");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd in(ends[0]);
    const UniqueFd out(ends[1]);
    Hook readable;
    readable.body = [&] {
        char c = 0;
        EXPECT_EQ(::read(in.get(), &c, 1), 1);
    };
    pv_watch* watch = loops.add_fd(loop, in.get(), PV_IO_READ, Hook::run_fd, &readable, Hook::release);
    ASSERT_NE(watch, nullptr);
    ASSERT_EQ(::write(out.get(), "x", 1), 1);
    EXPECT_TRUE(readable.ran.wait());
    Hook timer;
    pv_watch* periodic = loops.add_timer(loop, 1'000'000, 1'000'000, Hook::run, &timer, Hook::release);
    EXPECT_TRUE(timer.ran.wait(3));
    Hook disarmed;
    pv_watch* later = loops.add_timer(loop, -1, 0, Hook::run, &disarmed, Hook::release);
    loops.set_timer(later, 0, 0);
    EXPECT_TRUE(disarmed.ran.wait());
    for (pv_watch* w : {watch, periodic, later}) loops.remove(w);
    EXPECT_TRUE(readable.released.wait() && timer.released.wait() && disarmed.released.wait());
    loops.release(loop);
}

TEST_F(Loops, a_file_cannot_be_watched_and_stays_the_drivers) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_SHARED, "file");
    const UniqueFd file(::open((dir.path() + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    Hook hook;
    EXPECT_EQ(loops.add_fd(loop, file.get(), PV_IO_READ, Hook::run_fd, &hook, Hook::release), nullptr);
    EXPECT_EQ(loops.add_fd(loop, -1, PV_IO_READ, Hook::run_fd, &hook, Hook::release), nullptr);
    EXPECT_EQ(loops.add_fd(loop, file.get(), 1024, Hook::run_fd, &hook, Hook::release), nullptr);
    loops.release(loop);
    EXPECT_TRUE(host->census.wait_empty(soon()));
    EXPECT_EQ(hook.released.count(), 0);
}

TEST_F(Loops, a_watch_may_remove_itself) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "self");
    Hook hook;
    std::atomic<pv_watch*> self{nullptr};
    hook.body = [&] {
        pv_watch* w = self.exchange(nullptr);
        if (w != nullptr) loops.remove(w);
    };
    self = loops.add_timer(loop, 0, 1'000'000, Hook::run, &hook, Hook::release);
    EXPECT_TRUE(hook.released.wait());
    loops.release(loop);
}

TEST_F(Loops, a_loop_may_release_itself) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "gone");
    Hook hook;
    hook.body = [&] { loops.release(loop); };
    Hook after;
    ASSERT_EQ(loops.post(loop, Hook::run, &hook, Hook::release), PV_OK);
    EXPECT_TRUE(hook.released.wait());
    EXPECT_TRUE(eventually([&] { return shared->loops.dedicated_count() == 0; }));
}

TEST_F(Loops, release_ends_watches_and_drops_posts) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "drop");
    Signal inside;
    Signal go;
    Hook first;
    first.body = [&] {
        inside.set();
        EXPECT_TRUE(go.wait());
    };
    Hook second;
    Hook timer;
    ASSERT_NE(loops.add_timer(loop, 3'600'000'000'000, 0, Hook::run, &timer, Hook::release), nullptr);
    ASSERT_EQ(loops.post(loop, Hook::run, &first, Hook::release), PV_OK);
    ASSERT_EQ(loops.post(loop, Hook::run, &second, Hook::release), PV_OK);
    ASSERT_TRUE(inside.wait());
    loops.release(loop);
    go.set();
    EXPECT_TRUE(first.released.wait() && second.released.wait() && timer.released.wait());
    EXPECT_EQ(second.ran.count(), 0);
    EXPECT_EQ(timer.ran.count(), 0);
}

TEST_F(Loops, many_dedicated_loops_come_and_go) {
    for (int round = 0; round < 3; ++round) {
        std::vector<pv_loop*> all;
        std::vector<std::unique_ptr<Hook>> hooks;
        for (int i = 0; i < 50; ++i) {
            all.push_back(loops.acquire(host, PV_LOOP_DEDICATED, "many"));
            ASSERT_NE(all.back(), nullptr);
            hooks.push_back(std::make_unique<Hook>());
            ASSERT_EQ(loops.post(all.back(), Hook::run, hooks.back().get(), Hook::release), PV_OK);
        }
        for (pv_loop* loop : all) loops.release(loop);
        for (const auto& hook : hooks) EXPECT_TRUE(hook->released.wait());
    }
    EXPECT_TRUE(eventually([&] { return shared->loops.dedicated_count() == 0; }));
}

TEST_F(Loops, stop_waits_for_every_release_and_removes_what_was_left) {
    pv_loop* dedicated = loops.acquire(host, PV_LOOP_DEDICATED, "left");
    pv_loop* plain = loops.acquire(host, PV_LOOP_SHARED, "left");
    Hook a;
    Hook b;
    ASSERT_NE(loops.add_timer(dedicated, 0, 1'000'000, Hook::run, &a, Hook::release), nullptr);
    pv_watch* watch = loops.add_timer(plain, 0, 1'000'000, Hook::run, &b, Hook::release);
    ASSERT_TRUE(a.ran.wait() && b.ran.wait());
    driver.on_destroy = [&] {
        EXPECT_EQ(a.released.count(), 1);
        EXPECT_EQ(b.released.count(), 1);
        loops.remove(watch); // handles may still be given back here
        loops.release(plain);
    };
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
}

TEST_F(Loops, a_stop_may_meet_a_driver_that_gives_its_watches_back) {
    pv_loop* loop = loops.acquire(host, PV_LOOP_DEDICATED, "meet");
    std::array<Hook, 200> timers;
    std::vector<pv_watch*> watches;
    for (Hook& timer : timers)
        watches.push_back(loops.add_timer(loop, 3'600'000'000'000, 0, Hook::run, &timer, Hook::release));
    Signal begun;
    Hook giving;
    giving.body = [&] {
        begun.set();
        for (pv_watch* watch : watches) {
            loops.set_timer(watch, 7'200'000'000'000, 0);
            loops.remove(watch);
        }
        loops.release(loop);
    };
    ASSERT_EQ(loops.post(loop, Hook::run, &giving, Hook::release), PV_OK);
    ASSERT_TRUE(begun.wait());
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    for (Hook& timer : timers) EXPECT_EQ(timer.released.count(), 1);
}

TEST_F(Loops, services_survive_nonsense) {
    EXPECT_EQ(loops.acquire(nullptr, PV_LOOP_SHARED, "x"), nullptr);
    EXPECT_EQ(loops.post(nullptr, Hook::run, nullptr, nullptr), PV_ABI);
    EXPECT_EQ(loops.add_timer(nullptr, 0, 0, Hook::run, nullptr, nullptr), nullptr);
    loops.release(nullptr);
    loops.remove(nullptr);
    loops.set_events(nullptr, 0);
    loops.set_timer(nullptr, 0, 0);
    EXPECT_EQ(loops.on_loop(nullptr), 0);
    EXPECT_GT(loops.now_ns(host), 0);
}

} // namespace
} // namespace polyvirt::plugin
