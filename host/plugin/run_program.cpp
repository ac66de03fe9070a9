// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <unistd.h>

#include "base/error_text.h"
#include "host/plugin/builders.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

using Clock = std::chrono::steady_clock;

// One of the program's outputs: our end of its pipe and where the bytes go.
struct Output {
    UniqueFd ours, theirs;
    pv_sink* sink;
    std::size_t room;

    Status open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return make_system_error(errno, ErrorDomain::none, "pipe");
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
        ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
        return {};
    }
    // Takes what is there now; what is too much is read and dropped, so that the program does not stall.
    void drain() {
        std::array<char, 16384> buffer;
        while (ours) {
            const ssize_t n = ::read(ours.get(), buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n <= 0) return ours.reset();
            const std::size_t kept = std::min(static_cast<std::size_t>(n), room);
            room -= kept;
            if (sink == nullptr || kept == 0) continue;
            if (sink->data.size() + kept > sink->max) {
                sink->failed = true;
                continue;
            }
            sink->data.append(buffer.data(), kept);
            sink->written = true;
        }
    }
};

int wait_ms(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

// Until the program itself has ended: what it left in the background may keep the pipes for ever.
bool wait_for_end(const Child& child, std::array<Output, 2>& outputs, Clock::time_point until) {
    while (true) {
        std::array<pollfd, 3> fds = {pollfd{child.pidfd.get(), POLLIN, 0}, pollfd{outputs[0].ours.get(), POLLIN, 0},
                                     pollfd{outputs[1].ours.get(), POLLIN, 0}};
        const int n = ::poll(fds.data(), fds.size(), wait_ms(until));
        for (Output& output : outputs) output.drain();
        if (n >= 0 && fds[0].revents != 0) return true;
        if (Clock::now() >= until) return false;
    }
}

} // namespace

Result<std::int32_t> run_program(SpawnPlan plan, Clock::time_point until, std::size_t max_output, pv_sink* out,
                                 pv_sink* err, Orphans& orphans) {
    std::array<Output, 2> outputs{Output{{}, {}, out, max_output}, Output{{}, {}, err, max_output}};
    for (Output& output : outputs) PV_TRY(output.open());
    plan.stdout_fd = outputs[0].theirs.get();
    plan.stderr_fd = outputs[1].theirs.get();
    PV_ASSIGN_OR_RETURN(Child child, spawn(plan));
    for (Output& output : outputs) output.theirs.reset();

    const work::WorkerPool::Parked parked;
    if (wait_for_end(child, outputs, until)) {
        const std::int32_t status = reap(child.pidfd.get());
        for (Output& output : outputs) output.drain();
        return status;
    }
    // Not reaped yet, so the number is still its own. Its session goes with it; but who waits for a file system that does
    // not answer (an NFS server, FUSE) cannot be killed, and is not waited for: it is reaped when it ends.
    ::kill(-child.pid, SIGKILL);
    constexpr std::chrono::seconds kGrace{1};
    if (wait_for_end(child, outputs, Clock::now() + kGrace)) static_cast<void>(reap(child.pidfd.get()));
    else orphans.take(std::make_shared<UniqueFd>(std::move(child.pidfd)));
    return make_error(ErrorCode::operation_timeout, ErrorDomain::none, "'{}' did not end in time and was killed",
                      plan.argv[0]);
}

} // namespace polyvirt::plugin
