// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/emulators.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <latch>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/abi/state.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr int kClients = 8;

// A cache that never has anything.
const pv_svc_state& no_cache() {
    static pv_svc_state table = [] {
        pv_svc_state t{};
        t.size = sizeof t;
        t.put = [](pv_host*, pv_call*, std::uint32_t, const char*, const void*, std::size_t) noexcept -> pv_status { return PV_OK; };
        t.get = [](pv_host*, pv_call*, std::uint32_t, const char*, pv_sink*) noexcept -> pv_status { return PV_GONE; };
        t.sink_new = [](pv_host*, std::size_t) noexcept { return reinterpret_cast<pv_sink*>(&table); };
        t.sink_free = [](pv_sink*) noexcept {};
        return t;
    }();
    return table;
}

// Emulators are asked by a function of the test's.
class Interviews : public ::testing::Test {
  protected:
    void SetUp() override {
        services.state = &no_cache();
        std::ofstream(path) << "#!/bin/sh\n";
        ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    }
    void TearDown() override { ::unlink(path.c_str()); }

    // What all of them are told, who ask at one time.
    std::vector<Result<EmulatorPtr>> ask_at_once(Emulators& emulators) const {
        std::vector<Result<EmulatorPtr>> answers(kClients, Result<EmulatorPtr>(EmulatorPtr()));
        std::latch ready(kClients);
        std::vector<std::jthread> clients;
        for (auto& answer : answers)
            clients.emplace_back([&, to = &answer] {
                ready.arrive_and_wait();
                *to = emulators.get(path);
            });
        clients.clear();
        return answers;
    }

    plugin::Services services;
    const std::string path = fmt::format("/tmp/qemu-system-test.{}", ::getpid());
};

// Holds the first one until somebody else asks too, which must not happen, or for as long as that would take.
class Asking {
  public:
    void one() {
        LeafLock lock(mu_);
        ++asked_;
        changed_.notify_all();
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
        while (asked_ < 2 && changed_.wait_until(lock, until)) {
        }
    }
    [[nodiscard]] int asked() {
        const LeafLock lock(mu_);
        return asked_;
    }

  private:
    Mutex mu_{Rank::leaf};
    CondVar changed_;
    int asked_ PV_GUARDED_BY(mu_) = 0;
};

TEST_F(Interviews, clients_that_come_at_once_have_the_answer_of_one_interview) {
    Asking asking;
    Emulators emulators(services, [&](const std::string& file, std::string_view arch, bool) -> Result<Emulator> {
        asking.one();
        Emulator e;
        e.path = file;
        e.arch = arch;
        return e;
    });
    const auto answers = ask_at_once(emulators);
    EXPECT_EQ(asking.asked(), 1);
    for (const auto& answer : answers) {
        ASSERT_TRUE(answer);
        EXPECT_EQ(*answer, *answers.front());
    }
}

TEST_F(Interviews, a_failure_is_told_to_all_who_wait_and_not_kept) {
    std::atomic<int> asked{0};
    Emulators emulators(services, [&](const std::string&, std::string_view, bool) -> Result<Emulator> {
        if (++asked == 1) throw std::runtime_error("the emulator talks nonsense");
        return Emulator{};
    });
    const auto first = emulators.get(path);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().message, "the emulator talks nonsense");
    EXPECT_TRUE(emulators.get(path));
    EXPECT_EQ(asked, 2);
}

TEST_F(Interviews, an_emulator_that_was_replaced_is_asked_anew) {
    std::atomic<int> asked{0};
    Emulators emulators(services, [&](const std::string&, std::string_view, bool) -> Result<Emulator> {
        ++asked;
        return Emulator{};
    });
    ASSERT_TRUE(emulators.get(path));
    ASSERT_TRUE(emulators.get(path));
    EXPECT_EQ(asked, 1);
    std::ofstream(path, std::ios::app) << "# changed\n";
    ASSERT_TRUE(emulators.get(path));
    EXPECT_EQ(asked, 2);
}

} // namespace
} // namespace polyvirt::qemu
