// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/console_ops.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "container/container.h"
#include "driver.h"

namespace polyvirt::lxc {
namespace {

using sdk::domain::Chardev;

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
    if (it != c.guest->consoles.end() && it->second == c.number) c.guest->consoles.erase(it);
}

void console_closed(void* ctx, std::uint32_t) noexcept {
    plugin::guarded("console", [&] { forget_console(*static_cast<OpenConsole*>(ctx)); });
}

// By alias; without one, the first.
const Chardev* find_console(const Domain& d, const char* device) {
    for (const Chardev& c : d.devices.consoles)
        if (device == nullptr || c.info.alias.name == device) return &c;
    return nullptr;
}

} // namespace

pv_status ConsoleOps::open_console(pv_call* call, const pv_obj* obj, const pv_dom_open_console_in& in,
                                   pv_dom_open_console_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainOpenConsole"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const auto found = running(*guest);
    if (!found) return answer(call, found.error());
    const Chardev* device = find_console(*found->live, in.device);
    if (device == nullptr)
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::lxc, "cannot find console device '{}'",
                                       in.device != nullptr ? in.device : "default"));
    const std::string alias = device->info.alias.name, path = device->tty;
    if (path.empty())
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                                       "character device {} is not using a PTY", alias));
    if (const auto number = reserve(*guest, alias, s_.call->stream(call)))
        return answer(call, attach(call, guest, alias, path, *number));
    // Whoever had it may have left a moment ago: the news of that is on the loop, before this.
    const bool posted = driver_.loop().post([this, call, guest, alias, path] {
        const auto number = reserve(*guest, alias, s_.call->stream(call));
        const Status opened = number ? attach(call, guest, alias, path, *number)
                                     : make_error(ErrorCode::operation_failed, ErrorDomain::lxc,
                                                  "Active console session exists for this domain");
        s_.call->complete(call, answer(call, opened));
    });
    return posted ? PV_PENDING
                  : answer(call, make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "the driver is ending"));
}

// From here on the line is this stream's, so that nobody else opens it meanwhile. Empty: it is taken.
std::optional<std::uint64_t> ConsoleOps::reserve(Guest& guest, const std::string& alias, pv_stream* stream) const {
    const ObjectLock lock(guest.mu);
    if (guest.consoles.contains(alias)) return std::nullopt;
    const std::uint64_t number = guest.next_stream++;
    guest.consoles[alias] = number;
    guest.streams[number] = stream;
    return number;
}

Status ConsoleOps::attach(pv_call* call, const GuestPtr& guest, const std::string& alias, const std::string& path,
                          std::uint64_t number) const {
    auto console = std::make_unique<OpenConsole>(OpenConsole{guest, alias, number});
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        const Error error = make_system_error(errno, ErrorDomain::lxc, "unable to open console '" + path + "'");
        forget_console(*console);
        return error;
    }
    if (s_.stream->attach_fd(s_.call->stream(call), fd.release(), PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT,
                             driver_.loop().get(), &console_closed, console.get(),
                             [](void* c) noexcept { delete static_cast<OpenConsole*>(c); }) != PV_OK) {
        forget_console(*console);
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "the console's stream cannot be set up");
    }
    (void)console.release();
    return {};
}

pv_status ConsoleOps::open_namespace(pv_call* call, const pv_obj* obj, const pv_dom_open_namespace_in& in,
                                     pv_dom_open_namespace_out&) {
    if (const Status flags = check_flags(in.flags, 0, "lxcDomainLxcOpenNamespace"); !flags) return answer(call, flags);
    const auto found = running(*guest_of(obj));
    if (!found) return answer(call, found.error());
    const std::int64_t init = found->container->init();
    if (init <= 0)
        return answer(call,
                      make_error(ErrorCode::operation_invalid, ErrorDomain::lxc, "Init pid is not yet available"));
    // A client joins them in this order: of users first, else it may not join the others.
    for (const char* name : {"user", "ipc", "uts", "net", "pid", "mnt"}) {
        if (std::string_view(name) == "user" && found->live->uid_map.empty())
            continue; // the host's own, which nobody can join
        UniqueFd fd(::open(fmt::format("/proc/{}/ns/{}", init, name).c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd && errno == ENOENT && std::string_view(name) != "mnt") continue;
        if (!fd)
            return answer(call, make_system_error(errno, ErrorDomain::lxc,
                                                  fmt::format("Cannot open namespace '{}' of process {}", name, init)));
        if (s_.call->add_reply_fd(call, fd.release()) != PV_OK)
            return answer(
                call, make_error(ErrorCode::internal_error, ErrorDomain::lxc, "the reply cannot carry descriptors"));
    }
    return PV_OK;
}

// There is no model of mandatory access control that containers are labelled in.
pv_status ConsoleOps::security_label(pv_call*, const pv_obj*, const pv_dom_security_label_in&,
                                     pv_dom_security_label_out& out) {
    out.enforcing = 0;
    return PV_OK;
}

pv_status ConsoleOps::security_labels(pv_call*, const pv_obj*, const pv_dom_security_labels_in&,
                                      pv_dom_security_labels_out&) {
    return PV_OK;
}

} // namespace polyvirt::lxc
