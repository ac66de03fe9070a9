// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

void default_listens(Graphics& g) {
    if (g.listens.empty()) {
        GraphicsListen listen;
        if (!g.socket.empty()) {
            listen.type = ListenType::socket;
            listen.socket = g.socket;
        } else {
            listen.type = ListenType::address;
            listen.address = g.listen;
        }
        g.listens.push_back(std::move(listen));
    }
    // A socket of its own goes before what else it would listen on.
    if (g.type == GraphicsType::vnc && !g.socket.empty() && g.listens[0].type == ListenType::address) {
        g.listens[0] = {};
        g.listens[0].type = ListenType::socket;
        g.listens[0].socket = g.socket;
    }
    const GraphicsListen& first = g.listens[0];
    g.listen =
        first.type == ListenType::address || first.type == ListenType::network ? first.address : "";
    g.socket = first.type == ListenType::socket ? first.socket : "";
}

} // namespace

void default_graphics(Graphics& g) {
    if (g.type == GraphicsType::vnc) {
        default_listens(g);
        const bool no_port =
            g.listens[0].type == ListenType::none || g.listens[0].type == ListenType::socket;
        if (no_port) {
            g.port.reset();
            g.autoport = YesNo::unset;
            return;
        }
        if (g.port == -1 || (!g.port && g.autoport == YesNo::unset) || g.autoport == YesNo::yes)
            g.autoport = YesNo::yes;
        if (g.autoport == YesNo::yes)
            g.port = -1;
        if (g.autoport == YesNo::unset)
            g.autoport = YesNo::no;
    } else if (g.type == GraphicsType::spice) {
        // Without any port there is nothing to listen on.
        const bool portless = !g.port && !g.tls_port && g.autoport != YesNo::yes;
        if (portless && g.listens.empty() && g.listen.empty() && g.socket.empty()) {
            g.listens.emplace_back();
            g.listens[0].type = ListenType::none;
        }
        default_listens(g);
        const bool no_port =
            g.listens[0].type == ListenType::none || g.listens[0].type == ListenType::socket;
        if (g.port == -1 && (!g.tls_port || g.tls_port == -1))
            g.autoport = YesNo::yes;
        if (no_port) {
            g.autoport = YesNo::unset;
            g.port.reset();
            g.tls_port.reset();
        } else if (g.autoport == YesNo::yes) {
            g.port.reset();
            g.tls_port.reset();
        } else if (g.autoport == YesNo::unset && (g.port || g.tls_port)) {
            g.autoport = YesNo::no;
        }
    }
}

namespace {

void default_video(Video& video, bool primary) {
    VideoModel& m = video.model;
    if (m.type == "none")
        return;
    if (m.type == "qxl") {
        if (!m.ram)
            m.ram = 65536;
        if (!m.vram)
            m.vram = 65536;
        if (!m.vgamem)
            m.vgamem = 16384;
    } else if ((m.type == "cirrus" || m.type == "vga" || m.type == "bochs" || m.type == "vmvga") &&
               !m.vram) {
        m.vram = 16384;
    }
    if (!m.heads)
        m.heads = 1;
    if (primary)
        m.primary = YesNo::yes;
}

void default_videos(Domain& d) {
    auto& v = d.devices;
    if (v.videos.empty() && !v.graphics.empty())
        v.videos.emplace_back();
    for (Video& video : v.videos) {
        if (video.model.type.empty() || video.model.type == "default")
            video.model.type = is_x86(d) ? "cirrus" : "virtio";
    }
    // The primary one stands first, and there is always one.
    const auto asked = std::find_if(v.videos.begin(), v.videos.end(),
                                    [](const Video& x) { return x.model.primary == YesNo::yes; });
    if (asked != v.videos.end())
        std::rotate(v.videos.begin(), asked, asked + 1);
    for (std::size_t i = 0; i < v.videos.size(); i++)
        default_video(v.videos[i], i == 0);
}

void default_inputs(Domain& d) {
    auto& inputs = d.devices.inputs;
    for (Input& i : inputs) {
        if (i.bus != InputBus::unset)
            continue;
        const bool ps2 = i.type == InputType::mouse || i.type == InputType::keyboard;
        if (i.type == InputType::passthrough)
            i.bus = InputBus::virtio;
        else if (i.type != InputType::evdev)
            i.bus = ps2 && is_x86(d) ? InputBus::ps2 : InputBus::usb;
    }
    if (!is_x86(d))
        return;
    for (const InputType type : {InputType::mouse, InputType::keyboard}) {
        const bool there = std::any_of(inputs.begin(), inputs.end(), [type](const Input& i) {
            return i.type == type && i.bus == InputBus::ps2;
        });
        if (there)
            continue;
        Input input;
        input.type = type;
        input.bus = InputBus::ps2;
        inputs.push_back(std::move(input));
    }
}

} // namespace

void default_audio(Domain& d) {
    if (!d.devices.audios.empty())
        return;
    Audio audio;
    audio.id = 1;
    audio.type = "none";
    for (const Graphics& g : d.devices.graphics) {
        // These play through the user's own session, which the emulator finds by itself.
        if (g.type == GraphicsType::sdl || g.type == GraphicsType::dbus)
            return;
        if (g.type == GraphicsType::spice)
            audio.type = "spice";
    }
    d.devices.audios.push_back(std::move(audio));
}

void default_small_devices(Domain& d) {
    auto& v = d.devices;
    std::for_each(v.graphics.begin(), v.graphics.end(), default_graphics);
    for (Rng& r : v.rngs) {
        if (r.backend.model == "random" && r.backend.path.empty())
            r.backend.path = "/dev/random";
    }
    default_videos(d);
    default_inputs(d);
    default_audio(d);
    if (!v.memballoon) {
        v.memballoon.emplace();
        v.memballoon->model = "virtio";
    }
    for (Watchdog& w : v.watchdogs)
        if (w.action.empty())
            w.action = "reset";
    for (Panic& p : v.panics)
        if (p.model.empty() && is_x86(d))
            p.model = "isa";
}

} // namespace polyvirt::sdk::domain
