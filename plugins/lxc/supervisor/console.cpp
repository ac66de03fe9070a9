// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "plugins/lxc/supervisor/console.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace polyvirt::lxc {
namespace {
constexpr std::size_t kChunk = 4096;
constexpr std::size_t kTyped = 16'384; // of a client's, that the container has not read

void no_blocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}
void shut(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

void set_raw(int fd) {
    termios raw{};
    if (::tcgetattr(fd, &raw) != 0) return;
    ::cfmakeraw(&raw);
    ::tcsetattr(fd, TCSANOW, &raw);
}

struct Pair {
    int master = -1, slave = -1;
    std::string path;
};
// In raw mode: the container's own terminal does the editing. The slave is kept open, so that the terminal is there,
// and as it was set, whether anybody else has it or not.
Pair make_pair() {
    Pair p;
    char name[64];
    p.master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p.master < 0 || ::grantpt(p.master) != 0 || ::unlockpt(p.master) != 0 ||
        ::ptsname_r(p.master, name, sizeof name) != 0)
        return p;
    p.slave = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p.slave < 0) return p;
    set_raw(p.slave);
    no_blocking(p.master);
    p.path = name;
    return p;
}

} // namespace

Console::Console() {
    Pair p = make_pair();
    outer_ = p.master;
    slave_ = p.slave;
    path_ = std::move(p.path);
}

std::string Console::make_inner() {
    if (!inner_path_.empty()) return inner_path_;
    Pair p = make_pair();
    inner_ = p.master;
    lease_ = p.slave;
    inner_path_ = std::move(p.path);
    return inner_path_;
}

Console::~Console() {
    for (int* fd : {&outer_, &slave_, &inner_, &lease_}) shut(*fd);
}

void Console::settle_inner() const {
    if (!inner_path_.empty()) set_raw(lease_);
}

void Console::join(int inner, int lease) {
    if (!inner_path_.empty()) return; // it stays over reboots
    shut(inner_);
    shut(lease_);
    inner_ = inner;
    lease_ = lease == inner ? -1 : lease;
    in_.clear();
    if (inner_ >= 0) no_blocking(inner_);
}

void Console::ask(std::vector<pollfd>& list) const {
    const auto events = [](bool read, bool write) {
        return static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
    };
    list.push_back({outer_, events(in_.size() < kTyped, !out_.empty()), 0});
    list.push_back({inner_, events(true, !in_.empty()), 0});
}

void Console::answer(const pollfd* two) {
    if ((two[0].revents & POLLIN) != 0) read_outer();
    if ((two[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_inner();
    if (!out_.empty()) write_outer();
    if (!in_.empty()) write_inner();
}

void Console::read_inner() {
    char buffer[kChunk];
    const ssize_t n = ::read(inner_, buffer, sizeof buffer);
    if (n > 0) {
        out_.append(buffer, static_cast<std::size_t>(n));
        if (out_.size() > kKept) out_.erase(0, out_.size() - kKept);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        join(-1, -1); // its terminal has gone; a reboot brings another
    }
}

void Console::read_outer() {
    char buffer[kChunk];
    const ssize_t n = ::read(outer_, buffer, sizeof buffer);
    if (n > 0 && inner_ >= 0) in_.append(buffer, static_cast<std::size_t>(n));
}

void Console::write_outer() {
    const ssize_t n = ::write(outer_, out_.data(), out_.size());
    if (n > 0) out_.erase(0, static_cast<std::size_t>(n));
}

void Console::write_inner() {
    if (inner_ < 0) return;
    const ssize_t n = ::write(inner_, in_.data(), in_.size());
    if (n > 0) in_.erase(0, static_cast<std::size_t>(n));
}

} // namespace polyvirt::lxc
