// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/control.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"

namespace polyvirt::daemon {
namespace {

sigset_t reload_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return set;
}

} // namespace

void Control::block_signals() {
    const sigset_t set = reload_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Control::Control(loop::EventLoop& rpc_loop, std::function<void()> reload)
    : rpc_loop_(rpc_loop), reload_(std::move(reload)) {
    const sigset_t set = reload_signals();
    signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw std::system_error(errno, std::system_category(), "signalfd");
    signal_watch_ = loop_.add_fd(signals_.get(), loop::kReadable, [this](unsigned) { take_signals(); });
    watch_for_systemd();
}

void Control::take_signals() {
    signalfd_siginfo info{};
    bool any = false;
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) any = true;
    if (!any) return;
    log::info("daemon", "SIGHUP from process {}: reading the configuration again", info.ssi_pid);
    reload_();
}

// The ping goes through rpc-loop and back, so that it stops when that loop does; it is sent from here.
void Control::watch_for_systemd() {
    std::uint64_t limit_us = 0;
    if (sd_watchdog_enabled(0, &limit_us) <= 0 || limit_us == 0) return;
    ping_ = loop_.add_timer([this] {
        rpc_loop_.post([this] { post([] { sd_notify(0, "WATCHDOG=1"); }); });
    });
    const std::chrono::microseconds period(limit_us / 2);
    ping_.arm(std::chrono::nanoseconds(1), period);
}

void notify_ready() { sd_notify(0, "READY=1"); }

void notify_reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto us = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", us).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

} // namespace polyvirt::daemon
