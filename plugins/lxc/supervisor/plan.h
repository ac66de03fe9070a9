// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Plan: what the driver tells a container's supervisor, as the file plan.json in the container's folder. Read whole
// before anything is made; the driver and the supervisor are of one version.

#include <string>
#include <utility>
#include <vector>

namespace polyvirt::lxc {

struct Plan {
    std::string name;
    std::string folder;                                      // the container's, of the driver's run folder
    std::vector<std::pair<std::string, std::string>> config; // liblxc's keys and values, in order
    std::vector<std::string> init;                           // what runs as process 1, and its arguments
    unsigned consoles = 0;                                   // the first is /dev/console, the others /dev/tty1 ...
    bool restarts = true;                                    // what a reboot does; else it is an end
};

// Throws what nlohmann::json does.
std::string format_plan(const Plan& plan);
Plan parse_plan(const std::string& text);

} // namespace polyvirt::lxc
