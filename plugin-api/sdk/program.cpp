// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/program.h"

#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::sdk {

// One program. Its answer is given once, by whoever comes first: its end, its deadline, stop().
struct Programs::Running : std::enable_shared_from_this<Programs::Running> {
    Mutex mu{Rank::object}; // not leaf: the host's services are called under it
    std::optional<Answer<Result<ProgramEnd>>> answer PV_GUARDED_BY(mu);
    plugin::ChildProcess child PV_GUARDED_BY(mu);
    plugin::Watch timer PV_GUARDED_BY(mu);
    bool ended PV_GUARDED_BY(mu) = false;
    bool counted PV_GUARDED_BY(mu) = false;
    Lingering lingering;
    UniqueFd out, err;
    std::string name;
    const plugin::Services* services = nullptr;

    // What is left to do for whoever has taken the answer.
    struct Taken {
        std::optional<Answer<Result<ProgramEnd>>> answer;
        plugin::Watch timer;
    };
    Taken take() PV_REQUIRES(mu) { return {std::exchange(answer, std::nullopt), std::move(timer)}; }
    // On a worker: what waits may well read files next, and what a program said may be much.
    void give(Taken taken, std::function<Result<ProgramEnd>()> result) {
        if (!taken.answer) return;
        const auto go = [answer = *std::move(taken.answer), result = std::move(result)] { answer(result()); };
        if (!plugin::submit(*services, 0, go)) go();
    }
    void fail(Taken taken, Error why) {
        give(std::move(taken), [why = std::move(why)] { return Result<ProgramEnd>(why); });
    }
    void fail(Error why) {
        Taken taken;
        {
            const ObjectLock lock(mu);
            taken = take();
        }
        fail(std::move(taken), std::move(why));
    }
    void kill_overdue(Error why) {
        Taken taken;
        {
            const ObjectLock lock(mu);
            if (!answer || ended) return;
            taken = take(); // before the signal, or its end would be the answer
            if (child) child.signal(SIGKILL);
            if (lingering && !std::exchange(counted, true)) ++*lingering;
        }
        fail(std::move(taken), std::move(why));
    }
    void exited(std::int32_t status) {
        Taken taken;
        {
            const ObjectLock lock(mu);
            ended = true;
            taken = take();
            if (std::exchange(counted, false)) --*lingering;
        }
        give(std::move(taken), [self = shared_from_this(), status] {
            ProgramEnd end;
            end.wait_status = status;
            end.out = memory_text(self->out);
            end.err = memory_text(self->err);
            return Result<ProgramEnd>(std::move(end));
        });
    }
};

UniqueFd memory_file(const char* name, std::size_t room) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(room)) != 0 ||
        ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        return UniqueFd();
    return fd;
}

// The child shares the file's position, which therefore is how much it has written.
std::string memory_text(const UniqueFd& file) {
    const off_t length = file ? ::lseek(file.get(), 0, SEEK_CUR) : 0;
    if (length <= 0) return {};
    std::string text(static_cast<std::size_t>(length), '\0');
    std::size_t got = 0;
    while (got < text.size()) {
        const ssize_t n = ::pread(file.get(), text.data() + got, text.size() - got, static_cast<off_t>(got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    text.resize(got);
    return text;
}

void Programs::Stop::operator()(Error why) const {
    if (const auto running = running_.lock()) running->kill_overdue(std::move(why));
}

Programs::~Programs() {
    stop();
    std::unordered_set<std::shared_ptr<Running>> gone;
    {
        const LeafLock lock(mu_);
        gone.swap(all_);
    }
    for (const auto& running : gone) {
        plugin::ChildProcess child;
        const ObjectLock lock(running->mu);
        child = std::move(running->child);
    }
}

Async<Result<ProgramEnd>> Programs::run(plugin::Command command, ProgramLimits limits, Stop* stop) {
    auto running = std::make_shared<Running>();
    if (stop != nullptr) stop->running_ = running;
    return Async<Result<ProgramEnd>>(
        [this, command = std::move(command), limits = std::move(limits), running](const Answer<Result<ProgramEnd>>& answer) {
            {
                const ObjectLock lock(running->mu);
                running->answer = answer;
            }
            begin(command, limits, running);
        });
}

void Programs::begin(plugin::Command command, const ProgramLimits& limits, const std::shared_ptr<Running>& running) {
    running->services = &s_;
    running->lingering = limits.lingering;
    running->name = command.argv().front();
    running->out = memory_file("output", limits.max_out);
    running->err = memory_file("errors", limits.max_err);
    if (!running->out || !running->err)
        return running->fail(make_system_error(errno, ErrorDomain::none, fmt::format("no room for what '{}' says", running->name)));
    bool refused = false;
    {
        const LeafLock lock(mu_);
        refused = stopped_;
        if (!refused) all_.insert(running);
    }
    if (refused)
        return running->fail(make_error(ErrorCode::operation_aborted, ErrorDomain::none, "'{}' is not run: the driver stops", running->name));
    command.output(running->out.get(), running->err.get());
    auto child = plugin::ChildProcess::spawn(s_, nullptr, command, loop_, [this, running](std::int32_t status) {
        forget(running);
        running->exited(status);
    });
    if (!child) {
        forget(running);
        return running->fail(make_error(ErrorCode::operation_failed, ErrorDomain::none, "'{}' cannot be run", running->name));
    }
    auto timer = loop_.timer(limits.deadline_ns, 0, [weak = std::weak_ptr<Running>(running)] {
        if (const auto overdue = weak.lock())
            overdue->kill_overdue(make_error(ErrorCode::operation_timeout, ErrorDomain::none, "'{}' did not end in time and was killed",
                                             overdue->name));
    });
    const ObjectLock lock(running->mu);
    // It may have ended meanwhile; then what is of no use goes with it.
    running->child = std::move(child);
    if (running->answer) running->timer = std::move(timer);
}

void Programs::forget(const std::shared_ptr<Running>& running) {
    const LeafLock lock(mu_);
    all_.erase(running);
}

void Programs::stop() {
    std::vector<std::shared_ptr<Running>> running;
    {
        const LeafLock lock(mu_);
        stopped_ = true;
        running.assign(all_.begin(), all_.end());
    }
    for (const auto& one : running)
        one->kill_overdue(make_error(ErrorCode::operation_aborted, ErrorDomain::none, "'{}' was ended: the driver stops", one->name));
}

} // namespace polyvirt::sdk
