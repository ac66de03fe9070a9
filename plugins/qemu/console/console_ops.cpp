// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Terminals and channels: a stream of the client's joined with what the emulator has for the other end.

#include "console/console_ops.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Chardev;
using sdk::domain::ChardevType;

// By alias; without one, the first console, else the first serial or parallel line.
const Chardev* find_console(const Domain& d, const char* device) {
    const auto& v = d.devices;
    for (const auto* list : {&v.consoles, &v.serials, &v.parallels}) {
        for (const Chardev& c : *list) {
            if (device == nullptr || c.info.alias.name == device) return &c;
        }
    }
    return nullptr;
}

// A channel by its name in the guest, or its alias; the first one without.
const Chardev* find_channel(const Domain& d, const char* name) {
    for (const Chardev& c : d.devices.channels)
        if (name == nullptr || c.target.name == name || c.info.alias.name == name) return &c;
    return nullptr;
}

Result<UniqueFd> open_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the socket's path '{}' is longer than {} bytes", path,
                          sizeof address.sun_path - 1);
    path.copy(address.sun_path, path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "unable to connect to console socket '" + path + "'");
    return fd;
}

} // namespace

pv_status ConsoleOps::open_console(pv_call* call, const pv_obj* obj, const pv_dom_open_console_in& in, pv_dom_open_console_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_CONSOLE_SAFE | PV_DOMAIN_CONSOLE_FORCE, "qemuDomainOpenConsole");
        !flags)
        return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    if (const auto run = run_of(*guest); !run) return answer(call, run.error());
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    const Chardev* device = live ? find_console(*live, in.device) : nullptr;
    if (device == nullptr)
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot find console device '{}'",
                                       in.device != nullptr ? in.device : "default"));
    const std::string path = device->sources.empty() ? "" : device->sources.front().path;
    const bool pty = device->type == ChardevType::pty;
    if (path.empty() || (!pty && device->type != ChardevType::unix_))
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                                       "character device {} is not using a PTY or UNIX socket", device->info.alias.name));
    const auto open = [path, pty] { return pty ? sdk::open_terminal(path, ErrorDomain::qemu) : open_socket(path); };
    return consoles_.open(call, guest, {.alias = device->info.alias.name, .open = open}, (in.flags & PV_DOMAIN_CONSOLE_FORCE) != 0);
}

pv_status ConsoleOps::open_channel(pv_call* call, const pv_obj* obj, const pv_dom_open_channel_in& in, pv_dom_open_channel_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_CHANNEL_FORCE, "qemuDomainOpenChannel"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    if (const auto run = run_of(*guest); !run) return answer(call, run.error());
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    const char* const name = in.name != nullptr ? in.name : "default";
    const Chardev* channel = live ? find_channel(*live, in.name) : nullptr;
    if (channel == nullptr) return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot find channel {}", name));
    if (channel->type != ChardevType::unix_ || channel->sources.empty() || channel->sources.front().path.empty())
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "channel {} is not using a UNIX socket", name));
    const auto open = [path = channel->sources.front().path] { return open_socket(path); };
    return consoles_.open(call, guest, {.alias = channel->info.alias.name, .noun = "channel", .open = open},
                          (in.flags & PV_DOMAIN_CHANNEL_FORCE) != 0);
}

} // namespace polyvirt::qemu
