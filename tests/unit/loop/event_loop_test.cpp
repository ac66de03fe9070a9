// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/loop/event_loop.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

#include "base/assert.h"
#include "loop_fixture.h"

namespace polyvirt::loop {
namespace {

using namespace std::chrono_literals;

TEST_F(LoopTest, posts_run_in_order_on_the_named_thread) {
    std::vector<int> seen;
    std::string name(16, '\0');
    for (int i = 0; i < 1000; ++i) loop_.post([&seen, i] { seen.push_back(i); });
    on_loop([&] {
        EXPECT_TRUE(loop_.on_thread());
        pthread_getname_np(pthread_self(), name.data(), name.size());
    });
    EXPECT_FALSE(loop_.on_thread());
    EXPECT_STREQ(name.c_str(), "test-loop");
    ASSERT_EQ(seen.size(), 1000U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST_F(LoopTest, signals_are_blocked_on_its_thread) {
    sigset_t blocked;
    sigemptyset(&blocked);
    on_loop([&] { pthread_sigmask(SIG_SETMASK, nullptr, &blocked); });
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
    EXPECT_EQ(sigismember(&blocked, SIGCHLD), 1);
}

TEST_F(LoopTest, tells_when_a_descriptor_is_readable) {
    SocketPair pair;
    Signal got;
    Watch watch = loop_.add_fd(pair.near.get(), kReadable, [&](unsigned what) {
        EXPECT_EQ(what, kReadable);
        EXPECT_TRUE(pair.read_byte());
        got.set();
    });
    pair.send_byte();
    EXPECT_TRUE(got.wait());
    on_loop([&] { watch.remove(); });
}

TEST_F(LoopTest, interest_can_change_while_events_come) {
    SocketPair pair;
    std::atomic<unsigned> seen{0};
    Watch watch = loop_.add_fd(pair.near.get(), 0, [&](unsigned what) { seen |= what; });
    pair.send_byte();
    let_loop_turn();
    EXPECT_EQ(seen, 0U);
    watch.set_events(kWritable);
    let_loop_turn();
    EXPECT_EQ(seen, kWritable);
    on_loop([&] { watch.set_events(kReadable | kWritable); });
    let_loop_turn();
    EXPECT_EQ(seen, kReadable | kWritable);
    watch.set_events(kReadable);
    let_loop_turn();
    seen = 0;
    let_loop_turn();
    EXPECT_EQ(seen, kReadable);
    watch.set_events(0);
    let_loop_turn();
    seen = 0;
    let_loop_turn();
    EXPECT_EQ(seen, 0U);
    watch.remove();
    let_loop_turn();
}

TEST_F(LoopTest, hang_up_and_error_are_told_apart_for_who_asks) {
    SocketPair asks;
    SocketPair plain;
    std::atomic<unsigned> seen_asks{0};
    std::atomic<unsigned> seen_plain{0};
    Watch a = loop_.add_fd(asks.near.get(), kReadable | kHangup | kError,
                           [&](unsigned w) { seen_asks |= w; });
    Watch b = loop_.add_fd(plain.near.get(), kReadable, [&](unsigned w) { seen_plain |= w; });
    asks.far.reset();
    plain.far.reset();
    let_loop_turn();
    EXPECT_EQ(seen_asks, kReadable | kHangup);
    EXPECT_EQ(seen_plain, kReadable);
    a.remove();
    b.remove();
    let_loop_turn();

    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    std::atomic<unsigned> seen_pipe{0};
    in.reset();
    Watch c = loop_.add_fd(out.get(), kWritable | kError, [&](unsigned w) { seen_pipe |= w; });
    let_loop_turn();
    EXPECT_NE(seen_pipe & kError, 0U);
    c.remove();
    let_loop_turn();
}

TEST_F(LoopTest, refuses_what_the_kernel_cannot_watch) {
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    bool released = false;
    std::shared_ptr<void> token(nullptr, [&](void*) { released = true; });
    EXPECT_FALSE(loop_.add_fd(file.get(), kReadable, [t = std::move(token)](unsigned) {}));
    EXPECT_TRUE(released);
    EXPECT_FALSE(loop_.add_fd(-1, kReadable, [](unsigned) {}));
    EXPECT_FALSE(loop_.add_fd(1 << 20, kReadable, [](unsigned) {}));
}

TEST_F(LoopTest, timers_fire_in_order_and_never_early) {
    std::vector<int> order;
    Signal last;
    const auto start = Clock::now();
    Clock::time_point first_fired;
    Watch late = loop_.add_timer([&] {
        order.push_back(2);
        last.set();
    });
    Watch early = loop_.add_timer([&] {
        first_fired = Clock::now();
        order.push_back(1);
    });
    late.arm(40ms);
    early.arm(7ms);
    ASSERT_TRUE(last.wait());
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
    EXPECT_GE(first_fired - start, 7ms);
    EXPECT_GE(Clock::now() - start, 40ms);
    on_loop([&] {
        late.remove();
        early.remove();
    });
}

TEST_F(LoopTest, a_periodic_timer_goes_on_until_disarmed_from_inside) {
    int rounds = 0;
    Signal fifth;
    Watch timer;
    timer = loop_.add_timer([&] {
        if (++rounds == 5) {
            timer.disarm();
            fifth.set();
        }
    });
    timer.arm(0ms, 1ms);
    ASSERT_TRUE(fifth.wait());
    Signal later;
    Watch other = loop_.add_timer([&] { later.set(); });
    other.arm(10ms);
    ASSERT_TRUE(later.wait());
    on_loop([&] { EXPECT_EQ(rounds, 5); });
    Signal again;
    on_loop([&] { timer = loop_.add_timer([&] { again.set(); }); });
    timer.arm(1ms);
    EXPECT_TRUE(again.wait());
    timer.remove();
    other.remove();
    let_loop_turn();
}

TEST_F(LoopTest, an_exception_is_counted_and_ends_the_watch) {
    SocketPair pair;
    const auto before = bug_count();
    std::atomic<int> calls{0};
    Signal released;
    std::shared_ptr<void> token(nullptr, [&](void*) { released.set(); });
    Watch watch =
        loop_.add_fd(pair.near.get(), kReadable, [&calls, t = std::move(token)](unsigned) {
            ++calls;
            throw std::runtime_error("on purpose");
        });
    pair.send_byte();
    ASSERT_TRUE(released.wait());
    let_loop_turn();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(bug_count(), before + 1);
}

// The kernel counts the writes to the wake-up, which is never read.
class WakeCount {
  public:
    WakeCount() {
        const std::set<int> before = eventfds();
        loop = std::make_unique<EventLoop>("counted");
        for (const int fd : eventfds())
            if (!before.contains(fd)) fd_ = fd;
    }
    [[nodiscard]] unsigned long long value() const {
        std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd_));
        std::string word;
        while (info >> word)
            if (word == "eventfd-count:") {
                info >> word;
                return std::stoull(word, nullptr, 16);
            }
        ADD_FAILURE() << "no eventfd found";
        return 0;
    }
    std::unique_ptr<EventLoop> loop;

  private:
    static std::set<int> eventfds() {
        std::set<int> out;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry.path(), gone).string().find("eventfd") !=
                std::string::npos)
                out.insert(std::stoi(entry.path().filename()));
        }
        return out;
    }
    int fd_ = -1;
};

TEST(EventLoop, a_post_to_a_loop_that_is_awake_costs_no_system_call) {
    const WakeCount counted;
    LoopThread thread(*counted.loop);
    Signal inside;
    Signal go_on;
    Signal done;
    ASSERT_TRUE(counted.loop->post([&] {
        inside.set();
        EXPECT_TRUE(go_on.wait());
    }));
    ASSERT_TRUE(inside.wait());
    const auto before = counted.value();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(counted.loop->post([] {}));
    ASSERT_TRUE(counted.loop->post([&] { done.set(); }));
    EXPECT_EQ(counted.value(), before);
    go_on.set();
    EXPECT_TRUE(done.wait());
}

TEST(EventLoop, posts_from_many_threads_are_neither_lost_nor_late) {
    EventLoop loop("busy");
    LoopThread thread(loop);
    for (int round = 0; round < 2000; ++round) {
        Signal done;
        ASSERT_TRUE(loop.post([&] { done.set(); }));
        ASSERT_TRUE(done.wait()) << "round " << round;
    }
    std::atomic<int> ran{0};
    std::vector<std::jthread> posters;
    posters.reserve(4);
    for (int t = 0; t < 4; ++t)
        posters.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(loop.post([&] { ++ran; }));
        });
    posters.clear();
    thread.stop_and_join();
    EXPECT_EQ(ran, 80'000);
}

TEST(EventLoop, what_was_accepted_before_the_stop_runs_and_the_rest_is_refused) {
    EventLoop loop("stops");
    int ran = 0;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(loop.post([&] { ++ran; }));
    EXPECT_TRUE(loop.post([&] {
        loop.stop();
        EXPECT_TRUE(loop.post([&] {
            ++ran;
            bool released = false;
            std::shared_ptr<void> token(nullptr, [&](void*) { released = true; });
            EXPECT_FALSE(loop.post([&ran, t = std::move(token)] { ++ran; }));
            EXPECT_TRUE(released);
        }));
    }));
    loop.run();
    EXPECT_EQ(ran, 11);
    EXPECT_FALSE(loop.post([&] { ++ran; }));
    EXPECT_FALSE(loop.on_thread());
}

TEST(EventLoop, one_that_never_ran_destroys_its_posts_and_watches) {
    int released = 0;
    Watch survivor;
    {
        EventLoop loop("never");
        const auto token = [&] {
            return std::shared_ptr<void>(nullptr, [&](void*) { ++released; });
        };
        EXPECT_TRUE(loop.post([t = token()] { FAIL(); }));
        Watch gone = loop.add_timer([t = token()] { FAIL(); });
        survivor = loop.add_timer([t = token()] { FAIL(); });
        gone.remove();
    }
    EXPECT_EQ(released, 3);
    survivor.arm(0ms);
    survivor.disarm();
    survivor.remove();
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(EventLoop, three_hundred_live_side_by_side_on_four_descriptors_each) {
    const auto before = open_descriptors();
    struct Both {
        EventLoop loop;
        LoopThread thread;
        explicit Both(int n) : loop("lo:" + std::to_string(n)), thread(loop, std::size_t{256} * 1024) {}
    };
    std::vector<std::unique_ptr<Both>> loops;
    for (int i = 0; i < 300; ++i) loops.push_back(std::make_unique<Both>(i));
    EXPECT_EQ(open_descriptors() - before, 4U * 300U);
    std::atomic<int> fired{0};
    Signal all;
    std::vector<Watch> timers;
    timers.reserve(loops.size());
    for (auto& both : loops) {
        timers.push_back(both->loop.add_timer([&] {
            if (++fired == 300) all.set();
        }));
        timers.back().arm(1ms);
    }
    EXPECT_TRUE(all.wait());
    timers.clear();
    loops.clear();
    EXPECT_EQ(open_descriptors(), before);
}

TEST(EventLoop, says_so_when_no_descriptor_is_left) {
    // UBSan looks at an object's type through a pipe, the first time only: let it have one.
    EventLoop("before").stop();
    struct rlimit before = {};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    struct rlimit none = before;
    for (rlim_t room = 0; room < 4; ++room) {
        none.rlim_cur = static_cast<rlim_t>(next.get()) + 1 + room;
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
        EXPECT_THROW(EventLoop("poor"), std::runtime_error) << room;
    }
    none.rlim_cur = static_cast<rlim_t>(next.get()) + 1 + 4;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_NO_THROW(EventLoop("just enough"));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

} // namespace
} // namespace polyvirt::loop
