// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt-lxc: the supervisor of one container. The driver starts it; nobody else should.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>

#include "plugins/lxc/supervisor/supervisor.h"

namespace {

constexpr int kListener = 3;

int supervise(const std::string& folder) {
    // The last one to go when memory is short: without it nobody would see the container's end. Its init is as any
    // other.
    std::ofstream("/proc/self/oom_score_adj") << "-1000";
    ::fcntl(kListener, F_SETFD, FD_CLOEXEC);
    std::string text;
    {
        std::ifstream file(folder + "/plan.json");
        text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return polyvirt::lxc::Supervisor(polyvirt::lxc::parse_plan(text), kListener).run();
}

// Run by liblxc when a container has stopped. It would reboot by itself, within its monitor, but (5.0.2) not with
// somebody at the console; a hook that fails makes a stop of it, and the mark tells the supervisor to start it anew.
int after_stop(const std::string& folder) {
    const char* const target = std::getenv("LXC_TARGET"); // NOLINT(concurrency-mt-unsafe): one thread
    if (target == nullptr || std::string_view(target) != "reboot") return 0;
    std::ofstream mark(folder + polyvirt::lxc::kRebootMark);
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 2 && std::string_view(argv[1]) == "post-stop") return after_stop(argv[2]);
    if (argc != 2) {
        (void)std::fputs("polyvirt-lxc is started by polyvirtd's lxc driver, with the folder of a container\n", stderr);
        return 2;
    }
    try {
        return supervise(argv[1]);
    } catch (const std::exception& e) {
        (void)std::fprintf(stderr, "polyvirt-lxc: %s\n", e.what());
        return 1;
    }
}
