// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/process_state.h"

#include <algorithm>
#include <array>
#include <climits>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/conform/host/world.h"

namespace polyvirt::conform {
namespace {

std::string umask_text() {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.rfind("Umask:", 0) == 0) return line.substr(7);
    return "?";
}

std::string link_of(const std::string& path) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size() - 1);
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "?";
}

std::vector<std::string> names_in(const char* folder) {
    std::vector<std::string> names;
    DIR* dir = ::opendir(folder);
    if (dir == nullptr) return names;
    const int own = ::dirfd(dir);
    while (const dirent* entry = ::readdir(dir))
        if (std::atoi(entry->d_name) != own && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    ::closedir(dir);
    return names;
}

std::string handlers_text() {
    std::string text;
    for (int sig = 1; sig < NSIG; ++sig) {
        struct sigaction a {};
        if (::sigaction(sig, nullptr, &a) == 0 && a.sa_handler != SIG_DFL) text += fmt::format("{}:{} ", sig, a.sa_handler == SIG_IGN ? "ignored" : "handled");
    }
    return text;
}

std::string mask_text() {
    sigset_t set;
    ::sigemptyset(&set);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
    std::string text;
    for (int sig = 1; sig < NSIG; ++sig)
        if (::sigismember(&set, sig) == 1) text += fmt::format("{} ", sig);
    return text;
}

} // namespace

ProcessState ProcessState::take() {
    ProcessState s;
    s.values_["umask"] = umask_text();
    const char* locale = ::setlocale(LC_ALL, nullptr);
    s.values_["locale"] = locale != nullptr ? locale : "?";
    s.values_["working folder"] = link_of("/proc/self/cwd");
    s.values_["signal handlers"] = handlers_text();
    s.values_["signal mask"] = mask_text();
    std::string environment;
    for (char** e = environ; e != nullptr && *e != nullptr; ++e) environment += std::string(*e) + "\n";
    s.values_["environment"] = environment;
    struct rlimit limit {};
    for (const int which : {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_AS})
        if (::getrlimit(which, &limit) == 0) s.values_["limits"] += fmt::format("{} ", limit.rlim_cur);
    return s;
}

void ProcessState::compare(const ProcessState& before, const char* during, const char* judge) const {
    for (const auto& [name, value] : values_) {
        const std::string& old = before.values_.at(name);
        if (old == value) continue;
        if (name == "environment") complain(judge, "{}: it changed the environment", during);
        else complain(judge, "{}: it changed the {} from '{}' to '{}'", during, name, old, value);
    }
}

Census Census::take() {
    Census c;
    std::set<int> own;
    {
        const LeafLock lock(g_mu);
        own = world().own_fds;
    }
    for (const std::string& name : names_in("/proc/self/fd")) {
        const int fd = std::atoi(name.c_str());
        if (own.count(fd) != 0) continue;
        c.fds_[fd] = link_of("/proc/self/fd/" + name);
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) c.inheritable_.push_back(fd);
    }
    for (const std::string& name : names_in("/proc/self/task")) {
        std::ifstream in("/proc/self/task/" + name + "/comm");
        std::string comm;
        std::getline(in, comm);
        ++c.threads_[comm];
    }
    return c;
}

bool Census::within(const Census& before) const {
    const auto sum = [](const std::map<std::string, int>& threads) {
        int n = 0;
        for (const auto& [name, count] : threads) n += count;
        return n;
    };
    return sum(threads_) <= sum(before.threads_);
}

void Census::compare(const Census& before, const char* during, const char* judge) const {
    for (const auto& [fd, what] : fds_) {
        const auto at = before.fds_.find(fd);
        if (at == before.fds_.end() || at->second != what) complain(judge, "{}: descriptor {} ({}) is left open", during, fd, what);
    }
    std::string names;
    for (const auto& [name, count] : threads_) {
        const auto at = before.threads_.find(name);
        const int old = at == before.threads_.end() ? 0 : at->second;
        if (count > old) names += fmt::format(" {} '{}'", count - old, name);
    }
    if (!within(before)) complain(judge, "{}: threads are left running:{}", during, names);
}

void check_cloexec(const Census& before) {
    const Census after = Census::take();
    for (const int fd : after.inheritable_) {
        const auto at = before.fds_.find(fd);
        const std::string& what = after.fds_.at(fd);
        if (at == before.fds_.end() || at->second != what) complain("process.cloexec", "descriptor {} ({}) is not CLOEXEC", fd, what);
    }
}

} // namespace polyvirt::conform
