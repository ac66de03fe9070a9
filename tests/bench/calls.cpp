// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// bench_calls: how much a daemon does and what it costs it. Prints one line of JSON; README.md says what it means.
//
//     bench_calls SOCKET PID [--clients N] [--outstanding N] [--idle N] [--seconds S] [--uri URI] [--call WHICH]
//                 [--connects | --changes N --subscribers N] [--wait]
// With --wait it says "ready" when all is set up, and begins when it gets a line.

#include <algorithm>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "tests/bench/loads.h"
#include "tests/bench/raw_client.h"
#include "tests/bench/usage.h"

namespace polyvirt::bench {
namespace {

double percentile(std::vector<float>& v, double p) {
    if (v.empty()) return 0;
    const auto at = v.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(v.size() - 1));
    std::nth_element(v.begin(), at, v.end());
    return *at;
}

Figures load(const Options& o, const Ready& ready) {
    if (o.connects) return run_connects(o, ready);
    return o.changes != 0 ? run_changes(o, ready) : run_calls(o, ready);
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
    Usage before;
    Figures f = load(o, [&] {
        if (o.wait) {
            std::printf("ready\n");
            std::fflush(stdout);
            (void)std::getchar();
        }
        before = usage_of(o.pid);
    });
    const Usage after = usage_of(o.pid);
    const auto n = static_cast<double>(std::max<std::uint64_t>(f.calls, 1));
    std::printf("{\"calls\": %llu, \"per_second\": %.0f, \"cpu_us\": %.3f, \"switches\": %.3f, \"p50_us\": %.1f, "
                "\"p99_us\": %.1f, \"events\": %llu, \"idle_kib_each\": %.2f, \"threads\": %u, \"rss_kib\": %llu}\n",
                static_cast<unsigned long long>(f.calls), n / f.seconds,
                (after.cpu_seconds - before.cpu_seconds) / n * 1e6,
                static_cast<double>(after.switches - before.switches) / n, percentile(f.micros, 0.5),
                percentile(f.micros, 0.99), static_cast<unsigned long long>(f.events),
                o.idle == 0 ? 0.0
                            : (static_cast<double>(after_idle.rss_kib) - static_cast<double>(before_idle.rss_kib)) /
                                  o.idle,
                after.threads, static_cast<unsigned long long>(after.rss_kib));
    return 0;
}

} // namespace
} // namespace polyvirt::bench

int main(int argc, char** argv) {
    polyvirt::bench::Options o;
    CLI::App app{"Measures a daemon that speaks the wire"};
    app.add_option("socket", o.socket)->required();
    app.add_option("pid", o.pid)->required();
    app.add_option("--clients", o.clients);
    app.add_option("--outstanding", o.outstanding)->check(CLI::Range(1, 1000));
    app.add_option("--idle", o.idle);
    app.add_option("--seconds", o.seconds);
    app.add_option("--uri", o.uri);
    app.add_option("--call", o.call)->check(CLI::IsMember({"lib_version", "state", "resume"}));
    app.add_flag("--connects", o.connects);
    app.add_option("--subscribers", o.subscribers);
    app.add_option("--changes", o.changes);
    app.add_flag("--wait", o.wait);
    CLI11_PARSE(app, argc, argv);
    return polyvirt::bench::run(o);
}
