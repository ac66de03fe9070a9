// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a thousand decisions cost, by the number of rules: all of them about the one who asks, named objects,
// and only the last matching, which is the worst order. Median and slowest of many rounds, in microseconds.
//
//     build/release/bin/bench_access

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "host/access/control.h"

using namespace polyvirt::access;

namespace {

constexpr int kDecisions = 1000, kRounds = 200;

std::string policy_text(int rules, bool others) {
    std::string text = "default: deny\nrules:\n";
    for (int i = 0; i < rules - 1; ++i)
        text += fmt::format("  - {{name: r{}, allow: [domain.getattr, domain.read], who: {{uid: {}}}, on: {{name: 'team{}-*-vm'}}}}\n",
                            i, others ? i + 2000 : 1000, i);
    return text + "  - {name: last, allow: domain.getattr, who: {uid: 1000}, on: {name: 'guest-*'}}\n";
}

void measure(const char* what, int rules, bool others) {
    const Loaded loaded = parse_policy(policy_text(rules, others), "bench");
    if (loaded.policy == nullptr) {
        fmt::print(stderr, "{}\n", loaded.errors.front());
        std::exit(1);
    }
    Control control;
    control.enforce(loaded.policy);
    Subject subject;
    subject.uid = 1000;
    const Viewer viewer(control.current(), subject);
    const Permission permission = *find_permission("domain.getattr");
    std::vector<std::string> names;
    for (int i = 0; i < kDecisions; ++i) names.push_back(fmt::format("guest-{}", i));
    std::vector<double> rounds;
    int allowed = 0;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (const std::string& name : names)
            allowed += viewer.decide(permission, {.kind = Kind::domain, .name = name}) ? 1 : 0;
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        rounds.push_back(took.count());
    }
    if (allowed != kDecisions * kRounds) std::exit(1);
    std::sort(rounds.begin(), rounds.end());
    fmt::print("{:<40} {:>6} {:>10.1f} {:>10.1f}\n", what, rules, rounds[rounds.size() / 2], rounds.back());
}

} // namespace

int main() {
    fmt::print("{:<40} {:>6} {:>10} {:>10}\n", "1000 decisions, microseconds", "rules", "median", "slowest");
    for (const int rules : {1, 10, 100}) measure("rules all about this user", rules, false);
    for (const int rules : {100, 1000, 10'000}) measure("rules about other users but one", rules, true);
    return 0;
}
