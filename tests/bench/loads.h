// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What bench_calls does to a daemon, one function per kind of load. Each does what must be there before, says so
// through `ready` (the daemon's figures are taken from there on), then does the work.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace polyvirt::bench {

struct Options {
    std::string socket, uri = "qemu:///system", call = "lib_version";
    int pid = 0;
    unsigned clients = 1, outstanding = 1, idle = 0;
    unsigned subscribers = 0, changes = 0;
    double seconds = 2;
    bool connects = false, wait = false;
};

struct Figures {
    std::uint64_t calls = 0; // or connections, or changes
    double seconds = 0;
    std::vector<float> micros; // of each
    std::uint64_t events = 0;  // received, in order
};

using Ready = std::function<void()>;

// `call` again and again by `clients`, each with `outstanding` calls on the way.
Figures run_calls(const Options& options, const Ready& ready);
// Connect, ask for the authentication, open, close, again and again, `clients` of them at a time.
Figures run_connects(const Options& options, const Ready& ready);
// A domain is defined and undefined `changes` times, of which `subscribers` are told. Ends the program if one of
// them misses an event or gets them out of order.
Figures run_changes(const Options& options, const Ready& ready);

} // namespace polyvirt::bench
