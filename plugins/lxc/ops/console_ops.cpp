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
    const auto open = [path] { return sdk::open_terminal(path, ErrorDomain::lxc); };
    return consoles_.open(call, guest, {.alias = alias, .open = open}, false);
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
