// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <csignal>
#include <fstream>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/proc.h>

#include "host/plugin/spawn.h"
#include "host/plugin/thread_kind.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Exit {
    Signal gone, released;
    std::atomic<std::int32_t> status{-2};
    static void fn(void* ctx, std::int32_t wait_status) noexcept {
        auto& self = *static_cast<Exit*>(ctx);
        self.status = wait_status;
        self.gone.set();
    }
    static void release(void* ctx) noexcept { static_cast<Exit*>(ctx)->released.set(); }
};

class Proc : public DriverTest {
  protected:
    void SetUp() override {
        host = started();
        loop = loops.acquire(host, PV_LOOP_SHARED, "proc");
    }
    void TearDown() override {
        loops.release(loop);
        DriverTest::TearDown();
    }
    static pv_spawn plan(const char* const* argv) {
        pv_spawn s{};
        s.size = sizeof(s);
        s.argv = argv;
        s.stdout_fd = s.stderr_fd = -1;
        s.uid = s.gid = UINT32_MAX;
        return s;
    }
    // What /bin/sh -c SCRIPT writes.
    std::string output(const char* script, pv_spawn* with = nullptr) {
        const char* const argv[] = {"/bin/sh", "-c", script, nullptr};
        pv_spawn s = with != nullptr ? *with : plan(argv);
        s.argv = argv;
        pv_sink out(1 << 20);
        std::int32_t status = -1;
        EXPECT_EQ(procs.run(host, nullptr, &s, 20 * kSecond, &status, &out, nullptr), PV_OK);
        EXPECT_EQ(status, 0) << script;
        return out.data;
    }
    const pv_svc_proc& procs = *service<pv_svc_proc>(PV_SVC_PROC);
    const pv_svc_loop& loops = *service<pv_svc_loop>(PV_SVC_LOOP);
    pv_host* host = nullptr;
    pv_loop* loop = nullptr;
};

TEST_F(Proc, the_exit_is_told_on_the_loop) {
    const char* const argv[] = {"/bin/sh", "-c", "exit 3", nullptr};
    const pv_spawn s = plan(argv);
    Exit exit;
    pv_proc* proc = nullptr;
    ASSERT_EQ(procs.spawn(host, nullptr, &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_OK);
    EXPECT_GT(procs.pid(proc), 0);
    ASSERT_TRUE(exit.gone.wait());
    EXPECT_TRUE(exit.released.wait());
    EXPECT_TRUE(WIFEXITED(exit.status) && WEXITSTATUS(exit.status) == 3);
    EXPECT_EQ(procs.signal(proc, SIGTERM), PV_GONE);
    procs.forget(proc);
}

TEST_F(Proc, signals_reach_it) {
    const char* const argv[] = {"/bin/sleep", "1000", nullptr};
    const pv_spawn s = plan(argv);
    Exit exit;
    pv_proc* proc = nullptr;
    ASSERT_EQ(procs.spawn(host, nullptr, &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_OK);
    EXPECT_EQ(procs.signal(proc, SIGTERM), PV_OK);
    ASSERT_TRUE(exit.gone.wait());
    EXPECT_TRUE(WIFSIGNALED(exit.status) && WTERMSIG(exit.status) == SIGTERM);
    EXPECT_TRUE(exit.released.wait());
    procs.forget(proc);
}

TEST_F(Proc, a_program_that_cannot_be_executed_says_why) {
    const char* const argv[] = {"/nonexistent/program", nullptr};
    pv_spawn s = plan(argv);
    Exit exit;
    pv_proc* proc = nullptr;
    auto call = std::make_shared<TestCall>();
    EXPECT_EQ(procs.spawn(host, call->handle(), &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_FAIL);
    Error error = call->take_error(PV_FAIL);
    EXPECT_EQ(error.int1, ENOENT);
    EXPECT_EQ(error.message, "cannot execute '/nonexistent/program': No such file or directory");
    EXPECT_EQ(exit.released.count(), 0);

    const char* const relative[] = {"sh", nullptr};
    s = plan(relative);
    EXPECT_EQ(procs.spawn(host, call->handle(), &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_FAIL);
    EXPECT_THAT(call->take_error(PV_FAIL).message, ::testing::HasSubstr("absolute path"));

    const char* const sh[] = {"/bin/sh", nullptr};
    s = plan(sh);
    s.cwd = "/nonexistent";
    EXPECT_EQ(procs.spawn(host, call->handle(), &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_FAIL);
    EXPECT_EQ(call->take_error(PV_FAIL).message, "cannot enter the folder for '/bin/sh': No such file or directory");
}

TEST_F(Proc, a_child_starts_clean) {
    EXPECT_EQ(output("umask; pwd; echo $LANG; ls /proc/self/fd | wc -l"), "0077\n/\nC\n4\n"); // 0-2 and ls's own
    // Ignored and blocked signals would be inherited.
    ::signal(SIGUSR1, SIG_IGN);
    EXPECT_THAT(output("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2"),
                ::testing::Eq("0000000000000000\n0000000000000000\n"));
    ::signal(SIGUSR1, SIG_DFL);
}

TEST_F(Proc, a_child_has_a_session_of_its_own) {
    // Field 6 of stat is the session, field 1 the pid.
    const std::string line = output("cut -d' ' -f1,6 /proc/$$/stat");
    const std::size_t blank = line.find(' ');
    EXPECT_EQ(line.substr(0, blank) + "\n", line.substr(blank + 1));
}

TEST_F(Proc, descriptors_arrive_under_their_numbers) {
    int one[2];
    int two[2];
    ASSERT_EQ(::pipe2(one, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(two, O_CLOEXEC), 0);
    // Crossed on purpose: each goes to a number that the other one has here.
    const std::int32_t fds[] = {one[0], two[0]};
    const std::int32_t numbers[] = {two[0] > 2 ? two[0] : 8, one[0]};
    ASSERT_EQ(::write(one[1], "first\n", 6), 6);
    ASSERT_EQ(::write(two[1], "second\n", 7), 7);
    ::close(one[1]);
    ::close(two[1]);
    pv_spawn s = plan(nullptr);
    s.fds = fds;
    s.fd_numbers = numbers;
    s.nfds = 2;
    const std::string script = "cat /proc/self/fd/" + std::to_string(numbers[0]) + " /proc/self/fd/" +
                               std::to_string(numbers[1]);
    EXPECT_EQ(output(script.c_str(), &s), "first\nsecond\n");
    ::close(one[0]);
    ::close(two[0]);
}

TEST_F(Proc, another_user_keeps_no_groups) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can change the user";
    pv_spawn s = plan(nullptr);
    s.uid = 65534;
    s.gid = 65534;
    EXPECT_EQ(output("id -u; id -g; id -G; grep CapEff /proc/self/status | cut -f2", &s),
              "65534\n65534\n65534\n0000000000000000\n");
}

TEST_F(Proc, further_groups_are_those_that_were_named) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root changes groups";
    const char* const argv[] = {"/bin/sh", nullptr};
    const std::uint32_t groups[] = {4244, 4245};
    pv_spawn s = plan(argv);
    s.uid = 4242;
    s.gid = 4243;
    s.groups = groups;
    s.ngroups = 2;
    EXPECT_EQ(output("id -G", &s), "4243 4244 4245\n");
}

TEST_F(Proc, a_child_without_capabilities_has_none_and_gets_none) {
    const char* const argv[] = {"/bin/sh", nullptr};
    pv_spawn s = plan(argv);
    s.flags = PV_SPAWN_NO_CAPS;
    const std::string none = "0000000000000000\n";
    const std::string all = output("sed -n 's/^Cap[IPEA].*:.//p; s/^NoNewPrivs:.//p' /proc/self/status", &s);
    EXPECT_EQ(all, none + none + none + none + "1\n");
    if (::geteuid() == 0) {
        EXPECT_EQ(output("sed -n 's/^CapBnd:.//p' /proc/self/status", &s), none);
    }
    s.flags = 2;
    EXPECT_NE(procs.run(host, nullptr, &s, kSecond, nullptr, nullptr, nullptr), PV_OK);
}

TEST_F(Proc, limits_hold_from_the_first_instruction) {
    const char* const argv[] = {"/bin/sh", nullptr};
    const pv_limit limits[] = {{RLIMIT_NOFILE, 0, 77, 78}};
    pv_spawn s = plan(argv);
    s.limits = limits;
    s.nlimits = 1;
    EXPECT_EQ(output("ulimit -Sn; ulimit -Hn", &s), "77\n78\n");
}

TEST_F(Proc, a_child_joins_before_it_is_anything_else) {
    // Any file shows it: a control group's would take the word in the same way.
    const UniqueFd file(::open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
    const char* const argv[] = {"/bin/sh", nullptr};
    const std::int32_t joins[] = {file.get()};
    pv_spawn s = plan(argv);
    s.joins = joins;
    s.njoins = 1;
    EXPECT_EQ(output("true", &s), "");
    char word[8] = {};
    EXPECT_EQ(::pread(file.get(), word, sizeof word, 0), 1);
    EXPECT_EQ(word[0], '0');
}

TEST_F(Proc, a_plugin_of_the_first_release_knows_none_of_these) {
    const char* const argv[] = {"/bin/sh", nullptr};
    pv_spawn s = plan(argv);
    s.size = offsetof(pv_spawn, groups);
    s.ngroups = s.njoins = s.nlimits = 7; // not read
    EXPECT_EQ(output("echo x", &s), "x\n");
}

TEST_F(Proc, a_program_that_takes_too_long_is_killed_with_its_children) {
    const char* const argv[] = {"/bin/sh", "-c", "sleep 1000 & echo $!; sleep 1000", nullptr};
    const pv_spawn s = plan(argv);
    pv_sink out(1 << 20);
    std::int32_t status = -1;
    auto call = std::make_shared<TestCall>();
    EXPECT_EQ(procs.run(host, call->handle(), &s, kSecond / 5, &status, &out, nullptr), PV_DEADLINE);
    EXPECT_THAT(call->take_error(PV_DEADLINE).message, ::testing::HasSubstr("'/bin/sh' did not end in time"));
    const pid_t background = static_cast<pid_t>(std::stoi(out.data));
    EXPECT_TRUE(eventually([&] { // gone, or a zombie that init has not taken yet
        if (::kill(background, 0) != 0) return true;
        std::string state;
        std::ifstream("/proc/" + std::to_string(background) + "/stat") >> state >> state >> state;
        return state == "Z";
    }));
}

TEST_F(Proc, what_runs_on_in_the_background_is_not_waited_for) {
    const std::string text = output("sleep 1000 & echo $!"); // it keeps the pipes open
    EXPECT_EQ(::kill(static_cast<pid_t>(std::stoi(text)), SIGKILL), 0);
}

TEST_F(Proc, output_is_kept_to_its_limit) {
    const char* const argv[] = {"/bin/sh", "-c", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", nullptr};
    pv_spawn s = plan(argv);
    s.max_output = 1000;
    pv_sink out(1 << 20);
    pv_sink err(1 << 20);
    std::int32_t status = -1;
    EXPECT_EQ(procs.run(host, nullptr, &s, 20 * kSecond, &status, &out, &err), PV_OK);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(out.data.size(), 1000U);
    EXPECT_EQ(err.data.size(), 1000U);
}

TEST_F(Proc, running_on_a_loop_is_refused) {
    const ThreadKind kind(PV_THREAD_LOOP);
    const char* const argv[] = {"/bin/true", nullptr};
    const pv_spawn s = plan(argv);
    std::int32_t status = -1;
    EXPECT_EQ(procs.run(host, nullptr, &s, kSecond, &status, nullptr, nullptr), PV_ORDER);
}

TEST_F(Proc, a_forgotten_child_goes_on_and_is_reaped) {
    const char* const argv[] = {"/bin/sleep", "1000", nullptr};
    const pv_spawn s = plan(argv);
    Exit exit;
    pv_proc* proc = nullptr;
    ASSERT_EQ(procs.spawn(host, nullptr, &s, loop, Exit::fn, &exit, Exit::release, &proc), PV_OK);
    const auto pid = static_cast<pid_t>(procs.pid(proc));
    procs.forget(proc);
    EXPECT_TRUE(exit.released.wait());
    EXPECT_EQ(::kill(pid, 0), 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; })); // no zombie stays
    EXPECT_EQ(exit.gone.count(), 0);
}

TEST_F(Proc, a_process_of_an_earlier_run_is_adopted) {
    SpawnPlan p;
    p.argv = {"/bin/sleep", "1000"};
    const Result<Child> child = spawn(p);
    ASSERT_TRUE(child);
    Exit exit;
    pv_proc* proc = nullptr;
    EXPECT_EQ(procs.adopt(host, child->pid, child->start_time + 1, loop, Exit::fn, &exit, Exit::release, &proc), PV_GONE);
    ASSERT_EQ(procs.adopt(host, child->pid, child->start_time, loop, Exit::fn, &exit, Exit::release, &proc), PV_OK);
    EXPECT_EQ(procs.start_time(proc), process_start_time(child->pid));
    EXPECT_EQ(procs.signal(proc, SIGKILL), PV_OK);
    ASSERT_TRUE(exit.gone.wait());
    EXPECT_EQ(exit.status, -1); // somebody else's child: only that it is gone is known
    EXPECT_TRUE(exit.released.wait());
    procs.forget(proc);
    EXPECT_EQ(reap(child->pidfd.get()), SIGKILL);
    EXPECT_EQ(procs.adopt(host, child->pid, child->start_time, loop, Exit::fn, &exit, Exit::release, &proc), PV_GONE);
}

TEST_F(Proc, spawning_from_many_threads_leaks_no_descriptor) {
    const auto count = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
    };
    const auto before = count();
    std::vector<std::thread> threads;
    std::array<Exit, 40> exits;
    std::array<pv_proc*, 40> handles{};
    for (std::size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const char* const argv[] = {"/bin/sh", "-c", "test $(ls /proc/self/fd | wc -l) = 4", nullptr};
            const pv_spawn s = plan(argv);
            for (std::size_t i = t * 10; i < t * 10 + 10; ++i)
                ASSERT_EQ(procs.spawn(host, nullptr, &s, loop, Exit::fn, &exits[i], Exit::release, &handles[i]), PV_OK);
        });
    for (auto& t : threads) t.join();
    for (std::size_t i = 0; i < exits.size(); ++i) {
        ASSERT_TRUE(exits[i].released.wait());
        EXPECT_EQ(exits[i].status, 0);
        procs.forget(handles[i]);
    }
    EXPECT_TRUE(eventually([&] { return count() == before; }));
}

TEST_F(Proc, a_child_reads_what_it_is_given) {
    const std::string file = dir.path() + "/input";
    std::ofstream(file) << "asked\n";
    const UniqueFd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const char* const argv[] = {"", nullptr};
    pv_spawn s = plan(argv);
    s.stdin_fd = in.get();
    EXPECT_EQ(output("cat; echo answered", &s), "asked\nanswered\n");
    for (const int none : {0, -1}) {
        s.stdin_fd = none;
        EXPECT_EQ(output("readlink /proc/self/fd/0", &s), "/dev/null\n");
    }
    // One that knows nothing of it, whatever stands behind its struct.
    s.stdin_fd = in.get();
    s.size = offsetof(pv_spawn, stdin_fd);
    EXPECT_EQ(output("readlink /proc/self/fd/0", &s), "/dev/null\n");
    s.size = sizeof s;
    s.stdin_fd = -2;
    std::int32_t status = 0;
    EXPECT_EQ(procs.run(host, nullptr, &s, kSecond, &status, nullptr, nullptr), PV_ABI);
}

} // namespace
} // namespace polyvirt::plugin
