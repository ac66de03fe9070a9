// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Connections to displays that do not come over the network, and certificates read anew.

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "console/console_ops.h"
#include "driver.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Graphics;
using sdk::domain::GraphicsType;

constexpr const char* kFdName = "graphicsfd"; // while the emulator keeps it

// What the emulator calls that display's protocol.
Result<const char*> protocol_of(const Domain& live, std::uint32_t index) {
    const auto& all = live.devices.graphics;
    if (index >= all.size()) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "No graphics backend with index {}", index);
    switch (all[index].type) {
    case GraphicsType::vnc: return "vnc";
    case GraphicsType::spice: return "spice";
    default:
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Can only open VNC, SPICE or D-Bus P2P graphics backends, not {}",
                          sdk::domain::kGraphicsTypes[static_cast<std::size_t>(all[index].type)]);
    }
}

} // namespace

pv_status ConsoleOps::open_graphics(pv_call* call, const pv_obj* obj, const pv_dom_open_graphics_in& in, pv_dom_open_graphics_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, "qemuDomainOpenGraphics"); !flags)
        return answer(call, flags);
    if (in.nfds != 1)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu,
                                       "found {} descriptors, expected the client's end of one connection", in.nfds));
    const auto fd = std::make_shared<UniqueFd>(::fcntl(in.fds[0], F_DUPFD_CLOEXEC, 0));
    if (!*fd) return answer(call, make_system_error(errno, ErrorDomain::qemu, "cannot keep the client's descriptor"));
    const bool skip_auth = (in.flags & PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH) != 0;
    return change(call, obj, "open graphics", [this, index = in.idx, skip_auth, fd](const sdk::OperationPtr&, const GuestPtr& guest) {
        return add_viewer(guest, index, skip_auth, fd);
    });
}

pv_status ConsoleOps::open_graphics_fd(pv_call* call, const pv_obj* obj, const pv_dom_open_graphics_fd_in& in,
                                       pv_dom_open_graphics_fd_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, "qemuDomainOpenGraphicsFD"); !flags)
        return answer(call, flags);
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return answer(call, make_system_error(errno, ErrorDomain::qemu, "cannot make a connection to the display"));
    const auto emulators = std::make_shared<UniqueFd>(ends[0]);
    UniqueFd clients(ends[1]);
    // Sent with the reply alone; where the call fails, it goes with it.
    if (s_.call->add_reply_fd(call, clients.release()) != PV_OK)
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the reply takes no descriptor"));
    const bool skip_auth = (in.flags & PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH) != 0;
    return change(call, obj, "open graphics", [this, index = in.idx, skip_auth, emulators](const sdk::OperationPtr&, const GuestPtr& guest) {
        return add_viewer(guest, index, skip_auth, emulators);
    });
}

Part::Task ConsoleOps::add_viewer(GuestPtr guest, std::uint32_t index, bool skip_auth, SharedFd fd) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    PV_CO_ASSIGN_OR_RETURN(const char* const protocol, protocol_of(*live, index));
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(*fd));
    Json name = {{"fdname", kFdName}};
    PV_CO_TRY(co_await run->qmp("getfd", name, std::move(fds)));
    Json arguments = {{"protocol", protocol}, {"fdname", kFdName}, {"skipauth", skip_auth}};
    const auto added = co_await run->qmp("add_client", std::move(arguments));
    if (added) co_return Status();
    static_cast<void>(co_await run->qmp("closefd", name)); // it may have taken it all the same
    co_return added.error();
}

pv_status ConsoleOps::graphics_reload(pv_call* call, const pv_obj* obj, const pv_dom_graphics_reload_in& in, pv_dom_graphics_reload_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGraphicsReload"); !flags) return answer(call, flags);
    if (in.type != PV_DOMAIN_GRAPHICS_RELOAD_TYPE_ANY && in.type != PV_DOMAIN_GRAPHICS_RELOAD_TYPE_VNC)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unsupported graphics type {}", in.type));
    return change(call, obj, "reload graphics", [this, type = in.type](const sdk::OperationPtr&, const GuestPtr& guest) {
        return reload(guest, type);
    });
}

Part::Task ConsoleOps::reload(GuestPtr guest, std::int32_t type) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    bool vnc = false;
    {
        const ObjectLock lock(guest->mu);
        if (guest->live) {
            const auto& all = guest->live->devices.graphics;
            vnc = std::any_of(all.begin(), all.end(), [](const Graphics& g) { return g.type == GraphicsType::vnc; });
        }
    }
    if (!vnc) {
        if (type == PV_DOMAIN_GRAPHICS_RELOAD_TYPE_ANY) co_return Status();
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "VNC certificates reload not supported: there is no VNC display");
    }
    Json arguments = {{"type", "vnc"}, {"tls-certs", true}};
    PV_CO_TRY(co_await run->qmp("display-reload", std::move(arguments)));
    co_return Status();
}

} // namespace polyvirt::qemu
