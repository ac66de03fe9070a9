// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.console: the guest's terminals.

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
                                      "the console '{}' was taken over by another client", c.alias),
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

Result<UniqueFd> open_device(const Chardev& c) {
    const std::string path = c.sources.empty() ? std::string() : c.sources.front().path;
    if (path.empty() || (c.type != ChardevType::pty && c.type != ChardevType::unix_))
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                          "character device {} is not using a PTY or UNIX socket", c.info.alias.name);
    if (c.type == ChardevType::pty) {
        UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
        if (!fd) return make_system_error(errno, ErrorDomain::qemu, "unable to open console '" + path + "'");
        return fd;
    }
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

pv_status Driver::open_console(pv_call* call, const pv_obj* obj, const pv_dom_open_console_in& in, pv_dom_open_console_out&) {
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
    pv_stream* const stream = s_.call->stream(call);
    OpenConsole console{guest, device->info.alias.name, 0};
    {
        const ObjectLock lock(guest->mu);
        const auto it = guest->consoles.find(console.alias);
        const bool taken = it != guest->consoles.end();
        if (taken && (in.flags & PV_DOMAIN_CONSOLE_FORCE) == 0)
            return answer(call, make_error(ErrorCode::operation_failed, ErrorDomain::qemu,
                                           "Active console session exists for this domain"));
        if (taken) loop_.post([this, previous = OpenConsole{guest, console.alias, it->second}] { take_away(s_, previous); });
        console.number = guest->next_stream++;
        guest->consoles[console.alias] = console.number; // ours from here on, so that nobody else opens it meanwhile
        guest->streams[console.number] = stream;
    }
    auto fd = open_device(*device);
    if (!fd) {
        forget_console(console);
        return answer(call, fd.error());
    }
    auto ctx = std::make_unique<OpenConsole>(console);
    if (s_.stream->attach_fd(stream, fd->release(), PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT, loop_.get(), &console_closed,
                             ctx.get(), [](void* c) noexcept { delete static_cast<OpenConsole*>(c); }) != PV_OK) {
        forget_console(console);
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the console's stream cannot be set up"));
    }
    (void)ctx.release();
    return PV_OK;
}

} // namespace polyvirt::qemu
