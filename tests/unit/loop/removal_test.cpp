// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Removal: legal from anywhere, never waiting, each closure released exactly once.
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <fcntl.h>

#include "base/sync.h"
#include "loop_fixture.h"

namespace polyvirt::loop {
namespace {

using namespace std::chrono_literals;

// Counts its own destruction, and notes where it happened.
struct Release {
    explicit Release(const EventLoop& l) : loop(l) {}
    [[nodiscard]] std::shared_ptr<void> token() {
        return {nullptr, [this](void*) {
                    if (!loop.on_thread()) ++elsewhere;
                    if (inside) ++too_early;
                    ++count;
                    first.set();
                }};
    }
    const EventLoop& loop;
    std::atomic<int> count{0}, elsewhere{0}, too_early{0};
    std::atomic<bool> inside{false};
    Signal first;
};

class RemovalTest : public LoopTest {
  protected:
    Release release_{loop_};
    SocketPair pair_;
    std::atomic<int> calls_{0};
};

TEST_F(RemovalTest, from_inside_the_own_callback) {
    Watch watch;
    watch = loop_.add_fd(pair_.near.get(), 0, [&, t = release_.token()](unsigned) {
        release_.inside = true;
        ++calls_;
        watch.remove();
        release_.inside = false;
    });
    watch.set_events(kReadable); // not before `watch` is there for the callback
    pair_.send_byte();
    ASSERT_TRUE(release_.first.wait());
    let_loop_turn();
    EXPECT_EQ(calls_, 1);
    EXPECT_EQ(release_.count, 1);
    EXPECT_EQ(release_.elsewhere, 0);
    EXPECT_EQ(release_.too_early, 0);
}

TEST_F(RemovalTest, of_a_timer_from_inside_its_own_callback) {
    Watch timer;
    timer = loop_.add_timer([&, t = release_.token()] {
        release_.inside = true;
        ++calls_;
        timer = Watch();
        release_.inside = false;
    });
    timer.arm(0ms, 1ms);
    ASSERT_TRUE(release_.first.wait());
    let_loop_turn();
    EXPECT_EQ(calls_, 1);
    EXPECT_EQ(release_.too_early, 0);
}

TEST_F(RemovalTest, from_another_thread_does_not_wait_for_the_running_callback) {
    Signal entered;
    Signal go_on;
    Watch watch = loop_.add_fd(pair_.near.get(), kReadable, [&, t = release_.token()](unsigned) {
        release_.inside = true;
        ++calls_;
        entered.set();
        EXPECT_TRUE(go_on.wait());
        release_.inside = false;
    });
    pair_.send_byte();
    ASSERT_TRUE(entered.wait());
    watch.remove(); // would hang here if it waited
    EXPECT_EQ(release_.count, 0);
    go_on.set();
    ASSERT_TRUE(release_.first.wait());
    let_loop_turn();
    EXPECT_EQ(calls_, 1);
    EXPECT_EQ(release_.elsewhere, 0);
    EXPECT_EQ(release_.too_early, 0);
}

TEST_F(RemovalTest, of_another_watch_that_is_ready_in_the_same_round) {
    SocketPair second;
    Watch a;
    Watch b;
    const auto remove_other = [&](Watch& other) {
        ++calls_;
        other.remove();
    };
    on_loop([&] {
        a = loop_.add_fd(pair_.near.get(), kReadable, [&](unsigned) { remove_other(b); });
        b = loop_.add_fd(second.near.get(), kReadable, [&](unsigned) { remove_other(a); });
        pair_.send_byte();
        second.send_byte();
    });
    let_loop_turn();
    on_loop([&] {
        EXPECT_NE(static_cast<bool>(a), static_cast<bool>(b));
        a.remove();
        b.remove();
    });
}

TEST_F(RemovalTest, under_a_lock_releases_later_without_it) {
    Mutex mu{Rank::object};
    Watch watch = loop_.add_timer([t = std::shared_ptr<void>(nullptr, [&](void*) {
                                       // Aborts if the remover's lock were still held.
                                       { ObjectLock lock(mu); }
                                       release_.first.set();
                                   })] {});
    on_loop([&] {
        ObjectLock lock(mu);
        watch.remove();
        EXPECT_FALSE(release_.first.happened());
    });
    EXPECT_TRUE(release_.first.wait());
}

TEST_F(RemovalTest, in_the_release_of_another) {
    Watch inner = loop_.add_timer([t = release_.token()] {});
    Watch outer = loop_.add_timer([owned = std::make_shared<Watch>(std::move(inner))] {});
    outer.remove();
    EXPECT_TRUE(release_.first.wait());
    EXPECT_EQ(release_.elsewhere, 0);
}

TEST_F(RemovalTest, a_descriptors_number_may_come_back_at_once) {
    // Another thread removes, the closure closes; then the loop's thread gets the same number.
    for (int round = 0; round < 200; ++round) {
        auto owned = std::make_shared<SocketPair>();
        const int number = owned->near.get();
        Signal released;
        Watch old = loop_.add_fd(number, kReadable, [](unsigned) {});
        old =
            loop_.add_fd(number, kReadable, [t = std::shared_ptr<void>(nullptr, [&, owned](void*) {
                                                 owned->near.reset();
                                                 released.set();
                                             })](unsigned) {});
        owned.reset();
        old.remove();
        ASSERT_TRUE(released.wait());
        const SocketPair fresh;
        Signal got;
        Watch watch;
        on_loop([&] {
            watch = loop_.add_fd(fresh.near.get(), kReadable, [&](unsigned) {
                EXPECT_TRUE(fresh.read_byte());
                watch.remove();
                got.set();
            });
        });
        fresh.send_byte();
        ASSERT_TRUE(got.wait()) << "round " << round;
    }
}

TEST_F(RemovalTest, the_loops_end_releases_what_is_left_once) {
    std::atomic<int> released{0};
    Watch kept;
    {
        EventLoop loop("ends");
        std::vector<Watch> watches;
        {
            LoopThread thread(loop);
            for (int i = 0; i < 100; ++i) {
                watches.push_back(loop.add_timer(
                    [t = std::shared_ptr<void>(nullptr, [&](void*) { ++released; })] {}));
                watches.back().arm(1h);
                if (i % 3 == 0) watches.back().remove();
            }
        }
        kept = std::move(watches[1]);
        watches.resize(50);
    }
    EXPECT_EQ(released, 100);
    kept.arm(0ms);
    kept.remove();
    EXPECT_EQ(released, 100);
}

// One thread's share of the storm: watches come, change and go in every order.
void storm(EventLoop& loop, unsigned seed, std::atomic<int>& made, std::atomic<int>& released) {
    std::mt19937 random(seed);
    const SocketPair pair;
    pair.send_byte();
    std::vector<Watch> watches;
    for (int step = 0; step < 4000; ++step) {
        const auto token = [&] {
            ++made;
            return std::shared_ptr<void>(nullptr, [&](void*) { ++released; });
        };
        switch (random() % 6) {
        case 0:
            watches.push_back(loop.add_fd(pair.near.get(), kReadable, [t = token()](unsigned) {}));
            break;
        case 1: watches.push_back(loop.add_timer([t = token()] {})); break;
        case 2:
            if (!watches.empty()) {
                std::swap(watches[random() % watches.size()], watches.back());
                watches.pop_back();
            }
            break;
        case 3:
            if (!watches.empty()) {
                // Moved to the loop's thread and removed there.
                auto moved = std::make_shared<Watch>(std::move(watches.back()));
                watches.pop_back();
                EXPECT_TRUE(loop.post([moved] { moved->remove(); }));
            }
            break;
        case 4:
            for (std::size_t i = 0; i < watches.size() && i < 3; ++i)
                watches[i].set_events(static_cast<unsigned>(random() % 4));
            break;
        default: EXPECT_TRUE(loop.post([t = token()] {})); break;
        }
    }
    watches.clear();
    Signal settled;
    EXPECT_TRUE(loop.post([&] { settled.set(); }));
    EXPECT_TRUE(settled.wait());
}

TEST_F(RemovalTest, a_storm_from_many_threads_releases_each_exactly_once) {
    std::atomic<int> made{0};
    std::atomic<int> released{0};
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&, t] { storm(loop_, t + 1, made, released); });
    threads.clear();
    let_loop_turn();
    EXPECT_GT(made, 1000);
    EXPECT_EQ(released, made);
}

} // namespace
} // namespace polyvirt::loop
