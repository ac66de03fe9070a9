// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/plug.h"

#include <algorithm>
#include <utility>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;

Status add_any(Builder& b, const dom::Device& device) {
    switch (device.kind) {
    case dom::DeviceKind::disk: return add_one(b, device.as<dom::Disk>());
    case dom::DeviceKind::controller: return add_one(b, device.as<dom::Controller>());
    case dom::DeviceKind::interface: return add_one(b, device.as<dom::Interface>());
    case dom::DeviceKind::input: return add_one(b, device.as<dom::Input>());
    case dom::DeviceKind::watchdog: return add_one(b, device.as<dom::Watchdog>());
    case dom::DeviceKind::rng: return add_one(b, device.as<dom::Rng>());
    case dom::DeviceKind::redirdev: return add_one(b, device.as<dom::Redirdev>());
    case dom::DeviceKind::hostdev: return add_one(b, device.as<dom::Hostdev>());
    case dom::DeviceKind::shmem: return add_one(b, device.as<dom::Shmem>());
    case dom::DeviceKind::memory: return add_one(b, device.as<dom::MemoryDevice>());
    case dom::DeviceKind::filesystem: return add_one(b, device.as<dom::Filesystem>());
    case dom::DeviceKind::vsock: return add_one(b, device.as<dom::Vsock>());
    case dom::DeviceKind::serial: return add_serial(b, device.as<dom::Chardev>());
    case dom::DeviceKind::channel: return add_channel(b, device.as<dom::Chardev>());
    case dom::DeviceKind::console: return add_console(b, device.as<dom::Chardev>());
    default:
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "live attach of device '{}' is not supported",
                          dom::element_of(device.kind));
    }
}

// Options whose values the monitor takes as they are: command, its undoing, and which member names the thing.
struct OptionRow {
    std::string_view option;
    const char *command, *undo, *id;
};
constexpr OptionRow kOptions[] = {
    {"-device", "device_add", "device_del", "id"},
    {"-blockdev", "blockdev-add", "blockdev-del", "node-name"},
    {"-netdev", "netdev_add", "netdev_del", "id"},
    {"-object", "object-add", "object-del", "id"},
};

// "a:b"
std::vector<std::string> split(const std::string& names) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find(':', at), names.size());
        all.push_back(names.substr(at, end - at));
        at = end + 1;
    }
    return all;
}

Result<PlugStep> step_of(const std::string& option, const std::string& value) {
    for (const OptionRow& row : kOptions) {
        if (row.option != option) continue;
        PlugStep step{row.command, Json::parse(value, nullptr, false), row.undo, Json::object(), {}};
        const char* const member = row.undo == std::string_view("blockdev-del") ? "node-name" : "id";
        step.undo_arguments[member] = step.arguments.value(row.id, std::string());
        if (option == "-device") step.descriptors = split(step.arguments.value("vhostfd", std::string()));
        if (option == "-netdev") step.descriptors = split(step.arguments.value("fds", step.arguments.value("fd", std::string())));
        return step;
    }
    if (option == "-chardev") {
        PlugStep step{"chardev-add", {}, "chardev-remove", Json::object(), {}};
        PV_ASSIGN_OR_RETURN(step.arguments, chardev_arguments(value));
        step.undo_arguments["id"] = step.arguments["id"];
        const Json& data = step.arguments["backend"]["data"];
        if (data.contains("addr") && data["addr"]["type"] == "fd") step.descriptors = {data["addr"]["data"]["str"].get<std::string>()};
        return step;
    }
    if (option == "-watchdog-action") {
        PlugStep step{"watchdog-set-action", Json::object(), {}, {}, {}};
        step.arguments["action"] = value;
        return step;
    }
    return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "the emulator takes {} at its start alone", option);
}

} // namespace

Result<Plug> plug_of(const dom::Domain& domain, const CommandContext& context, const dom::Device& device) {
    Builder b(domain, context);
    PV_TRY(add_any(b, device));
    Plug plug;
    if (device.info() != nullptr) plug.alias = device.info()->alias.name;
    const auto& args = b.line.args;
    for (std::size_t i = 0; i + 1 < args.size(); i += 2) {
        PV_ASSIGN_OR_RETURN(PlugStep step, step_of(args[i], args[i + 1]));
        plug.steps.push_back(std::move(step));
    }
    // The device comes last, whatever the command line's order is.
    for (std::size_t i = 0; i + 1 < plug.steps.size(); i++) {
        if (plug.steps[i].command == "device_add") std::swap(plug.steps[i], plug.steps[i + 1]);
    }
    return plug;
}

} // namespace polyvirt::qemu
