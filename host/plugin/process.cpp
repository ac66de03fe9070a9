// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/process.h"

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "base/log.h"

namespace polyvirt::plugin {

struct Orphans::Orphan {
    std::shared_ptr<UniqueFd> pidfd;
    loop::Watch watch;
};

Orphans::~Orphans() {
    std::unordered_map<int, std::shared_ptr<Orphan>> all;
    const LeafLock lock(mu_);
    all.swap(orphans_);
}

void Orphans::take(std::shared_ptr<UniqueFd> pidfd) {
    const int fd = pidfd->get();
    loop::EventLoop* loop = loops_.pooled();
    if (loop == nullptr) return; // logged; it stays a zombie until the daemon ends
    auto orphan = std::make_shared<Orphan>();
    orphan->pidfd = pidfd;
    {
        const LeafLock lock(mu_);
        orphans_[fd] = orphan;
    }
    // Posted, so that the watch is stored before its callback can run.
    loop->post([this, loop, orphan, fd, pidfd = std::move(pidfd)] {
        orphan->watch = loop->add_fd(fd, loop::kReadable, [this, fd, pidfd](unsigned) {
            static_cast<void>(reap(fd));
            std::shared_ptr<Orphan> done;
            const LeafLock lock(mu_);
            if (const auto it = orphans_.find(fd); it != orphans_.end()) {
                done = std::move(it->second);
                orphans_.erase(it);
            }
        });
    });
}

struct Process::Body {
    const Strand::User strand;
    const std::shared_ptr<Process> process;
    const pv_exit_fn fn;
    std::unique_ptr<PluginContext> context;
};

Process::Process(Child child, bool ours, Orphans& orphans)
    : child_pid_(child.pid), start_time_(child.start_time), ours_(ours),
      pidfd_(std::make_shared<UniqueFd>(std::move(child.pidfd))), orphans_(orphans) {}

bool Process::watch(const std::shared_ptr<Strand>& strand, pv_exit_fn fn, std::unique_ptr<PluginContext> context) {
    PluginContext* const borrowed = context.get();
    const std::shared_ptr<Body> body(new Body{Strand::User(strand), shared_from_this(), fn, std::move(context)});
    loop::Watch fresh =
        strand->loop().add_fd(pidfd_->get(), loop::kReadable, [body](unsigned) { body->process->on_exit(*body); });
    if (!fresh) {
        borrowed->disown();
        return false;
    }
    const LeafLock lock(mu_);
    if (!over_) std::swap(watch_, fresh); // else it has ended meanwhile: `fresh` goes, without the lock
    return true;
}

void Process::on_exit(Body& body) {
    loop::Watch ended; // removed without the lock
    {
        const LeafLock lock(mu_);
        if (std::exchange(over_, true)) return;
        ended = std::move(watch_);
    }
    const std::int32_t status = ours_ ? reap(pidfd_->get()) : -1;
    if (body.fn != nullptr)
        body.strand->run(reinterpret_cast<const void*>(body.fn), [&] { body.fn(body.context->get(), status); });
}

void Process::forget() {
    loop::Watch ended;
    {
        const LeafLock lock(mu_);
        if (std::exchange(over_, true)) return;
        ended = std::move(watch_);
    }
    if (ours_) orphans_.take(pidfd_);
}

pv_status Process::signal(int number) const {
    if (::syscall(SYS_pidfd_send_signal, pidfd_->get(), number, nullptr, 0) == 0) return PV_OK;
    return errno == ESRCH ? PV_GONE : PV_FAIL;
}

} // namespace polyvirt::plugin
