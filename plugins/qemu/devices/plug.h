// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What it takes to plug a device into a running emulator, and to clear up after it: the command line's own pieces
// (command/builder.h) as commands of the monitor, in order.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "command/command.h"
#include "monitor/monitor.h"
#include "sdk/domain/device.h"

namespace polyvirt::qemu {

struct PlugStep {
    std::string command;
    Json arguments;
    std::string undo; // empty: nothing to undo
    Json undo_arguments;
    std::vector<std::string> descriptors{}; // that it takes by these names
};

struct Plug {
    std::string alias;
    std::vector<PlugStep> steps; // the last is the device itself, but for those that are objects alone
    [[nodiscard]] bool has_device() const { return !steps.empty() && steps.back().command == "device_add"; }
};

// `device` has its address, its alias and (a disk) its images' numbers, and stands in `domain`.
// Errors: config_unsupported for what the emulator takes at its start alone.
Result<Plug> plug_of(const sdk::domain::Domain& domain, const CommandContext& context, const sdk::domain::Device& device);

// What a listening socket is called that goes to the emulator later, by the number that a command line would give it.
std::string socket_name(std::string_view number);
// The value of a -chardev option as chardev-add takes it.
Result<Json> chardev_arguments(std::string_view option);

} // namespace polyvirt::qemu
