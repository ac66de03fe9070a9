// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// bench_calls: how many calls a daemon answers and what each costs it.
//
//     bench_calls SOCKET PID [--clients N] [--outstanding N] [--idle N] [--seconds S] [--uri URI]
//                 [--connects]   connect, authenticate, open, close instead of calls
// Prints one line of JSON. The call is connect_get_lib_version: the host answers it, no driver does.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "host/protocol/gen/remote.h"
#include "tests/bench/raw_client.h"
#include "tests/bench/usage.h"

namespace polyvirt::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string socket, uri = "qemu:///system";
    int pid = 0;
    unsigned clients = 1, outstanding = 1, idle = 0;
    double seconds = 2;
    bool connects = false;
};

struct Active {
    explicit Active(const std::string& path) : client(path) {}
    RawClient client;
    std::unordered_map<std::uint32_t, Clock::time_point> sent;
};

struct Figures {
    std::uint64_t calls = 0;
    double seconds = 0;
    std::vector<float> micros;
};

constexpr auto kCall = static_cast<std::int32_t>(protocol::remote::Proc::connect_get_lib_version);

Figures run_calls(const Options& o, std::vector<std::unique_ptr<Active>>& active) {
    Figures f;
    const UniqueFd poll(::epoll_create1(EPOLL_CLOEXEC));
    for (auto& a : active) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.ptr = a.get();
        ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, a->client.fd(), &e);
    }
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(o.seconds));
    for (auto& a : active)
        for (unsigned i = 0; i < o.outstanding; ++i) a->sent[a->client.send(kCall, {})] = Clock::now();
    std::size_t in_flight = active.size() * o.outstanding;
    epoll_event events[256];
    while (in_flight > 0) {
        const int n = ::epoll_wait(poll.get(), events, 256, 10000);
        if (n == 0) break; // nothing for ten seconds: the daemon hangs
        const auto now = Clock::now();
        for (int i = 0; i < n; ++i) {
            auto& a = *static_cast<Active*>(events[i].data.ptr);
            unsigned answered = 0;
            a.client.receive([&](const protocol::Header& h, const std::vector<std::uint8_t>&) {
                const auto found = a.sent.find(h.serial);
                if (found == a.sent.end()) return;
                f.micros.push_back(std::chrono::duration<float, std::micro>(now - found->second).count());
                a.sent.erase(found);
                ++answered;
            });
            f.calls += answered;
            in_flight -= answered;
            for (; now < end && answered > 0; --answered, ++in_flight)
                a.sent[a.client.send(kCall, {})] = Clock::now();
        }
    }
    f.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return f;
}

Figures run_connects(const Options& o) {
    Figures f;
    const auto begin = Clock::now();
    while (std::chrono::duration<double>(Clock::now() - begin).count() < o.seconds) {
        const auto one = Clock::now();
        RawClient client(o.socket);
        client.open(o.uri);
        client.close_connection();
        f.micros.push_back(std::chrono::duration<float, std::micro>(Clock::now() - one).count());
        ++f.calls;
    }
    f.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return f;
}

double percentile(std::vector<float>& v, double p) {
    if (v.empty()) return 0;
    const auto at = v.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(v.size() - 1));
    std::nth_element(v.begin(), at, v.end());
    return *at;
}

int run(const Options& o) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const Usage before_idle = usage_of(o.pid);
    std::vector<std::unique_ptr<RawClient>> idle;
    for (unsigned i = 0; i < o.idle; ++i) {
        idle.push_back(std::make_unique<RawClient>(o.socket));
        idle.back()->open(o.uri);
    }
    const Usage after_idle = usage_of(o.pid);
    std::vector<std::unique_ptr<Active>> active;
    for (unsigned i = 0; !o.connects && i < o.clients; ++i) {
        active.push_back(std::make_unique<Active>(o.socket));
        active.back()->client.open(o.uri);
    }
    const Usage before = usage_of(o.pid);
    Figures f = o.connects ? run_connects(o) : run_calls(o, active);
    const Usage after = usage_of(o.pid);
    const auto calls = static_cast<double>(std::max<std::uint64_t>(f.calls, 1));
    std::printf("{\"calls\": %llu, \"per_second\": %.0f, \"cpu_us\": %.2f, \"switches\": %.2f, \"p50_us\": %.1f, "
                "\"p99_us\": %.1f, \"idle_kib_each\": %.2f, \"threads\": %u, \"rss_kib\": %llu}\n",
                static_cast<unsigned long long>(f.calls), calls / f.seconds,
                (after.cpu_seconds - before.cpu_seconds) / calls * 1e6,
                static_cast<double>(after.switches - before.switches) / calls, percentile(f.micros, 0.5),
                percentile(f.micros, 0.99),
                o.idle == 0 ? 0.0 : static_cast<double>(after_idle.rss_kib - before_idle.rss_kib) / o.idle,
                after.threads, static_cast<unsigned long long>(after.rss_kib));
    return 0;
}

} // namespace
} // namespace polyvirt::bench

int main(int argc, char** argv) {
    polyvirt::bench::Options o;
    CLI::App app{"Measures calls to a daemon that speaks the wire"};
    app.add_option("socket", o.socket)->required();
    app.add_option("pid", o.pid)->required();
    app.add_option("--clients", o.clients);
    app.add_option("--outstanding", o.outstanding);
    app.add_option("--idle", o.idle);
    app.add_option("--seconds", o.seconds);
    app.add_option("--uri", o.uri);
    app.add_flag("--connects", o.connects);
    CLI11_PARSE(app, argc, argv);
    return polyvirt::bench::run(o);
}
