// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/process.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace polyvirt::conform {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxText = 3000; // one write to a pipe stays whole
constexpr std::size_t kMaxLog = 4000;
// With these a case's process ends by itself; any other status is not of its choosing.
constexpr int kWell = 41, kComplained = 42;

struct Shared {
    std::atomic<std::uint32_t> turn; // which of the two texts counts
    char step[2][512];
};

// Of a case's process.
int g_pipe = -1;
Shared* g_shared = nullptr;
std::string g_folder;
std::atomic<std::size_t> g_complaints{0};
std::string g_circumstance; // set before threads are made

void send(char type, std::string_view first, std::string_view second) {
    std::string m(1, type);
    m += first.substr(0, kMaxText);
    m += '\0';
    m += second.substr(0, kMaxText - std::min(first.size(), kMaxText));
    const auto length = static_cast<std::uint32_t>(m.size());
    char head[4];
    std::memcpy(head, &length, sizeof length);
    m.insert(0, head, sizeof head);
    // One write of less than PIPE_BUF bytes: whole, whoever else writes, and without a lock: any may be held here.
    while (::write(g_pipe, m.data(), m.size()) < 0 && errno == EINTR) {
    }
}

std::string shown_step(const Shared& shared) {
    const char* text = shared.step[shared.turn.load() & 1];
    return std::string(text, ::strnlen(text, sizeof shared.step[0]));
}

std::string death(int status, const Shared& shared) {
    const std::string at = shown_step(shared);
    if (WIFSIGNALED(status)) {
        const char* name = ::sigabbrev_np(WTERMSIG(status));
        return fmt::format("the process died of SIG{}{}", name != nullptr ? name : "?", at.empty() ? "" : " (" + at + ")");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) != kWell && WEXITSTATUS(status) != kComplained)
        return fmt::format("the process was ended with status {}{}", WEXITSTATUS(status), at.empty() ? "" : " (" + at + ")");
    return {};
}

// Runs to its end in this process.
void body_of(const Case& test, const Subject& subject) {
    try {
        test.run(subject);
    } catch (const Skip& s) {
        send('S', s.why, "");
    } catch (const GiveUp& g) {
        if (complaints() == 0) complain(test.name, "{}", g.why);
        else send('S', g.why, "");
    } catch (const std::exception& e) {
        complain(test.name, "the kit itself failed: {}", e.what());
    }
}

[[noreturn]] void child(const Case& test, const Subject& subject) {
    body_of(test, subject);
    ::_exit(complaints() == 0 ? kWell : kComplained);
}

// The kit adopts what a case leaves behind: only own children are ever signalled.
void end_orphans() {
    for (int round = 0; round < 100; ++round) {
        std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
        bool any = false;
        for (pid_t pid = 0; children >> pid;) {
            any = true;
            ::kill(pid, SIGKILL);
        }
        if (!any) return;
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
}

struct Parser {
    Said& said;
    std::string buffer;

    void take(std::string_view bytes) {
        buffer += bytes;
        while (buffer.size() >= 4) {
            std::uint32_t length = 0;
            std::memcpy(&length, buffer.data(), 4);
            if (buffer.size() - 4 < length || length == 0) return;
            message(std::string_view(buffer).substr(4, length));
            buffer.erase(0, 4 + std::size_t{length});
        }
    }
    void message(std::string_view m) {
        const std::size_t split = m.find('\0');
        const std::string first(m.substr(1, split - 1));
        const std::string second(m.substr(split + 1));
        switch (m[0]) {
        case 'F': said.complaints.push_back({first, second}); break;
        case 'S': said.skipped = first; break;
        case 'L':
            if (said.log.size() < kMaxLog) said.log.push_back(first);
            break;
        case 'P': said.profile[first].insert(second); break;
        default: break;
        }
    }
};

// False: the time is up.
bool read_until_end(int fd, Said& said, Clock::time_point until) {
    Parser parser{said, {}};
    std::array<char, 65536> buffer;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return false;
        pollfd p{fd, POLLIN, 0};
        if (::poll(&p, 1, static_cast<int>(std::min<long>(left, 1000))) <= 0) continue;
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        parser.take({buffer.data(), static_cast<std::size_t>(n)});
    }
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

Shared* new_shared() {
    void* at = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? nullptr : new (at) Shared{};
}

} // namespace

void complain_text(std::string_view judge, std::string text) {
    ++g_complaints;
    if (!g_circumstance.empty()) text += ", " + g_circumstance;
    send('F', judge, text);
}
std::size_t complaints() { return g_complaints; }
void log_line(std::string_view text) { send('L', text, ""); }
void fact(std::string_view key, std::string_view value) { send('P', key, value); }
void step_text(std::string_view text) {
    if (g_shared == nullptr) return;
    const std::uint32_t next = g_shared->turn.load() + 1;
    char* to = g_shared->step[next & 1];
    const std::size_t n = std::min(text.size(), sizeof g_shared->step[0] - 1);
    std::memcpy(to, text.data(), n);
    to[n] = '\0';
    g_shared->turn.store(next);
    log_line(fmt::format("> {}", text));
}
const std::string& work_folder() { return g_folder; }
void set_circumstance(std::string text) { g_circumstance = std::move(text); }

Said run_in_process(const Case& test, const Subject& subject, double limit) {
    Said said;
    const auto began = Clock::now();
    std::string folder = (std::filesystem::temp_directory_path() / "polyvirt-conform.XXXXXX").string();
    int ends[2] = {-1, -1};
    Shared* shared = new_shared();
    if (::mkdtemp(folder.data()) == nullptr || ::pipe2(ends, O_CLOEXEC) != 0 || shared == nullptr) {
        said.complaints.push_back({test.name, fmt::format("the kit cannot work: {}", std::strerror(errno))});
        return said;
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(ends[0]);
        g_pipe = ends[1];
        g_shared = shared;
        g_folder = folder;
        child(test, subject);
    }
    ::close(ends[1]);
    const UniqueFd pipe(ends[0]);
    const bool ended = pid > 0 && read_until_end(pipe.get(), said, began + std::chrono::milliseconds(static_cast<long>(limit * 1000)));
    if (pid > 0 && !ended) ::kill(pid, SIGKILL);
    const int status = pid > 0 ? wait_for(pid) : 0;
    if (!ended)
        said.complaints.push_back({test.name, fmt::format("not done after {} s ({})", limit, shown_step(*shared))});
    else if (std::string how = death(status, *shared); !how.empty()) said.complaints.push_back({test.name, std::move(how)});
    end_orphans();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    ::munmap(shared, sizeof(Shared));
    said.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return said;
}

std::string run_apart(const std::function<void()>& body, double limit) {
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("no process to be had");
    if (pid == 0) {
        g_complaints = 0;
        ::alarm(static_cast<unsigned>(limit) + 1); // its default action ends the process
        body();
        ::_exit(complaints() == 0 ? kWell : kComplained);
    }
    const int status = wait_for(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kComplained) ++g_complaints;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return fmt::format("not done after {} s ({})", limit, shown_step(*g_shared));
    return death(status, *g_shared);
}

} // namespace polyvirt::conform
