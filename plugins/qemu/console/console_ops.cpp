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

// What the host gives back when a console's stream is over.
struct OpenConsole {
    GuestPtr guest;
    std::string alias;
    std::uint64_t number;
};

void forget_console(const OpenConsole& c) {
    const ObjectLock lock(c.guest->mu);
    c.guest->streams.erase(c.number);
    const auto it = c.guest->consoles.find(c.alias);
    // Another client may have taken it over.
    if (it != c.guest->consoles.end() && it->second == c.number) c.guest->consoles.erase(it);
}

void console_closed(void* ctx, std::uint32_t) noexcept {
    plugin::guarded("console", [&] { forget_console(*static_cast<OpenConsole*>(ctx)); });
}

// On the driver's loop, where streams are closed too: what is found there stays until this returns.
void take_away(const plugin::Services& s, const OpenConsole& c) {
    pv_stream* stream = nullptr;
    {
        const ObjectLock lock(c.guest->mu);
        const auto it = c.guest->streams.find(c.number);
        if (it != c.guest->streams.end()) stream = it->second;
    }
    if (stream == nullptr) return;
    plugin::with_abi_error(make_error(ErrorCode::operation_failed, ErrorDomain::qemu,
                                      "'{}' was taken over by another client", c.alias),
                           [&](const pv_error& e) { s.stream->fail(stream, &e); });
}

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

Result<UniqueFd> open_pty(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return make_system_error(errno, ErrorDomain::qemu, "unable to open console '" + path + "'");
    return fd;
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

// One end of a terminal or channel.
struct ConsoleOps::Line {
    std::string alias, path;
    bool pty = false;
    const char* noun = ""; // "console", "channel"
};

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
    Line line{device->info.alias.name, device->sources.empty() ? "" : device->sources.front().path, device->type == ChardevType::pty, "console"};
    if (line.path.empty() || (!line.pty && device->type != ChardevType::unix_))
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                                       "character device {} is not using a PTY or UNIX socket", device->info.alias.name));
    return open(call, guest, std::make_shared<const Line>(std::move(line)), (in.flags & PV_DOMAIN_CONSOLE_FORCE) != 0);
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
    Line line{channel->info.alias.name, channel->sources.front().path, false, "channel"};
    return open(call, guest, std::make_shared<const Line>(std::move(line)), (in.flags & PV_DOMAIN_CHANNEL_FORCE) != 0);
}

pv_status ConsoleOps::open(pv_call* call, const GuestPtr& guest, const std::shared_ptr<const Line>& line, bool force) {
    if (const auto number = reserve(*guest, line->alias, s_.call->stream(call), force))
        return answer(call, attach(call, guest, *line, *number));
    // Whoever had it may have left a moment ago: the news of that is on the loop, before this.
    const bool posted = driver_.shared_loop().post([this, call, guest, line] {
        const auto number = reserve(*guest, line->alias, s_.call->stream(call), false);
        const Status opened = number ? attach(call, guest, *line, *number)
                                     : make_error(ErrorCode::operation_failed, ErrorDomain::qemu,
                                                  "Active {} session exists for this domain", line->noun);
        s_.call->complete(call, answer(call, opened));
    });
    if (posted) return PV_PENDING;
    return answer(call, make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the driver is ending"));
}

// From here on the line is this stream's, so that nobody else opens it meanwhile. Empty: it is taken.
std::optional<std::uint64_t> ConsoleOps::reserve(Guest& guest, const std::string& alias, pv_stream* stream, bool force) const {
    const ObjectLock lock(guest.mu);
    const auto it = guest.consoles.find(alias);
    if (it != guest.consoles.end()) {
        if (!force) return std::nullopt;
        const OpenConsole previous{guest.shared_from_this(), alias, it->second};
        driver_.shared_loop().post([this, previous] { take_away(s_, previous); });
    }
    const std::uint64_t number = guest.next_stream++;
    guest.consoles[alias] = number;
    guest.streams[number] = stream;
    return number;
}

Status ConsoleOps::attach(pv_call* call, const GuestPtr& guest, const Line& line, std::uint64_t number) const {
    auto console = std::make_unique<OpenConsole>(OpenConsole{guest, line.alias, number});
    auto fd = line.pty ? open_pty(line.path) : open_socket(line.path);
    if (!fd) {
        forget_console(*console);
        return fd.error();
    }
    if (s_.stream->attach_fd(s_.call->stream(call), fd->release(), PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT,
                             driver_.shared_loop().get(), &console_closed, console.get(),
                             [](void* c) noexcept { delete static_cast<OpenConsole*>(c); }) != PV_OK) {
        forget_console(*console);
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the {}'s stream cannot be set up", line.noun);
    }
    (void)console.release();
    return {};
}

} // namespace polyvirt::qemu
