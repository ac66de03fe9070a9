// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// ConsoleOps: the guest's terminals, channels and displays.

#include <cstdint>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>
#include <polyvirt/gen/dom_console.h>

#include "base/unique_fd.h"
#include "part.h"
#include "sdk/guests/consoles.h"

namespace polyvirt::qemu {

class ConsoleOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_console::open_console, ops::dom_console::open_channel, ops::dom_console::open_graphics,
                           ops::dom_console::open_graphics_fd, ops::dom_console::graphics_reload, ops::dom_console::screenshot>;

    // console_ops.cpp
    pv_status open_console(pv_call*, const pv_obj*, const pv_dom_open_console_in&, pv_dom_open_console_out&);
    pv_status open_channel(pv_call*, const pv_obj*, const pv_dom_open_channel_in&, pv_dom_open_channel_out&);
    // graphics_ops.cpp
    pv_status open_graphics(pv_call*, const pv_obj*, const pv_dom_open_graphics_in&, pv_dom_open_graphics_out&);
    pv_status open_graphics_fd(pv_call*, const pv_obj*, const pv_dom_open_graphics_fd_in&, pv_dom_open_graphics_fd_out&);
    pv_status graphics_reload(pv_call*, const pv_obj*, const pv_dom_graphics_reload_in&, pv_dom_graphics_reload_out&);
    // screenshot.cpp
    pv_status screenshot(pv_call*, const pv_obj*, const pv_dom_screenshot_in&, pv_dom_screenshot_out&);

  private:
    using SharedFd = std::shared_ptr<UniqueFd>;
    Task add_viewer(GuestPtr guest, std::uint32_t index, bool skip_auth, SharedFd fd);
    Task reload(GuestPtr guest, std::int32_t type);
    Task take_picture(pv_call* call, GuestPtr guest, std::uint32_t screen, pv_sink* mime);

    const sdk::Consoles consoles_{s_, jobs_, ErrorDomain::qemu};
};

} // namespace polyvirt::qemu
