// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The smaller devices: input, graphics, video, sound, audio, watchdog, memballoon, rng, panic.

#include "sdk/domain/chardev.h"
#include "sdk/domain/disk.h"

namespace polyvirt::sdk::domain {

enum class InputType : std::uint8_t { unset, mouse, tablet, keyboard, passthrough, evdev };
inline constexpr std::string_view kInputTypes[] = {"",         "mouse",       "tablet",
                                                   "keyboard", "passthrough", "evdev"};
constexpr xml::Names names_of(InputType) {
    return kInputTypes;
}
enum class InputBus : std::uint8_t { unset, ps2, usb, xen, virtio, none };
inline constexpr std::string_view kInputBuses[] = {"", "ps2", "usb", "xen", "virtio", "none"};
constexpr xml::Names names_of(InputBus) {
    return kInputBuses;
}

struct InputSource {
    std::string evdev, dev, grab, grab_toggle; // evdev: of passthrough
    OnOff repeat{};
};
struct Input {
    InputType type{};
    InputBus bus{};
    VirtioModel model{};
    VirtioOptions driver;
    InputSource source;
    DeviceInfo info;
};

// <settings> of one direction of an audio backend, and what each kind of backend adds to it.
struct AudioStream {
    YesNo mixing_engine{}, fixed_settings{}, try_poll{}, exact_name{};
    Number voices, buffer_length, latency, buffer_count; // us
    std::string dev, name, stream_name, server_name, client_name, connect_ports;
    Number frequency, channels;
    std::string format;
};
struct Audio {
    Number id;
    std::string type; // none, alsa, coreaudio, dbus, file, jack, oss, pulseaudio, sdl, spice
    Number timer_period; // us
    std::string path, server_name, runtime_dir, driver, exclusive, try_mmap;
    Number dsp_policy;
    AudioStream input, output;
};
struct AudioRef {
    Number id;
};

enum class GraphicsType : std::uint8_t { unset, sdl, vnc, rdp, desktop, spice, egl_headless, dbus };
inline constexpr std::string_view kGraphicsTypes[] = {"",        "sdl",   "vnc",          "rdp",
                                                      "desktop", "spice", "egl-headless", "dbus"};
constexpr xml::Names names_of(GraphicsType) {
    return kGraphicsTypes;
}
enum class ListenType : std::uint8_t { unset, none, address, network, socket };
inline constexpr std::string_view kListenTypes[] = {"", "none", "address", "network", "socket"};
constexpr xml::Names names_of(ListenType) {
    return kListenTypes;
}

struct GraphicsListen {
    ListenType type{};
    std::string address, network, socket;
};
struct GraphicsGl {
    YesNo enable{};
    std::string rendernode;
};
struct GraphicsChannel {
    std::string name, mode; // of SPICE: main, display ...; secure, insecure, any
};
struct Graphics {
    GraphicsType type{};
    std::optional<std::int32_t> port, tls_port, websocket; // -1: found when the guest starts
    YesNo autoport{}, fullscreen{}, p2p{};
    std::string listen, socket, keymap, passwd, passwd_valid_to, connected, share_policy,
        default_mode, display, xauth, address, power_control;
    std::vector<GraphicsListen> listens;
    GraphicsGl gl;
    std::vector<GraphicsChannel> channels;
    std::string image_compression, jpeg_compression, zlib_compression, streaming, mouse;
    OnOff playback_compression{};
    YesNo copypaste{}, filetransfer{};
    AudioRef audio;
    DeviceInfo info;
};

struct VideoAcceleration {
    YesNo accel2d{}, accel3d{};
    std::string rendernode;
};
struct VideoModel {
    std::string type;                        // vga, cirrus, qxl, virtio, bochs, ramfb, none ...
    Number vram, vram64, ram, vgamem, heads; // KiB
    YesNo primary{};
    OnOff blob{};
    VideoAcceleration acceleration;
    Number resolution_x, resolution_y;
};
struct VideoDriver {
    std::string name, vgaconf;
    VirtioOptions virtio;
};
struct Video {
    VideoDriver driver;
    VideoModel model;
    DeviceInfo info;
};

struct SoundCodec {
    std::string type; // duplex, micro, output
};
struct Sound {
    std::string model;
    OnOff multichannel{};
    std::vector<SoundCodec> codecs;
    AudioRef audio;
    DeviceInfo info;
};

struct Watchdog {
    std::string model, action;
    DeviceInfo info;
};

struct Memballoon {
    std::string model; // virtio..., none
    OnOff autodeflate{}, free_page_reporting{};
    Number stats_period;
    VirtioOptions driver;
    DeviceInfo info;
};

struct RngBackend {
    std::string model, type, path;      // random, builtin, egd; type and sources: of egd
    std::vector<ChardevSource> sources; // two for udp
    std::string protocol;
};
struct Rng {
    std::string model;
    Number rate_bytes, rate_period;
    RngBackend backend;
    VirtioOptions driver;
    DeviceInfo info;
};

struct Panic {
    std::string model;
    DeviceInfo info;
};

struct Hub {
    std::string type;
    DeviceInfo info;
};

void describe(xml::Binder& b, Hub& v);
void describe(xml::Binder& b, Input& v);
void describe(xml::Binder& b, InputSource& v);
void describe(xml::Binder& b, GraphicsListen& v);
void describe(xml::Binder& b, GraphicsChannel& v);
void describe(xml::Binder& b, GraphicsGl& v);
void describe(xml::Binder& b, Graphics& v);
void describe(xml::Binder& b, VideoAcceleration& v);
void describe(xml::Binder& b, VideoModel& v);
void describe(xml::Binder& b, VideoDriver& v);
void describe(xml::Binder& b, Video& v);
void describe(xml::Binder& b, AudioRef& v);
void describe(xml::Binder& b, SoundCodec& v);
void describe(xml::Binder& b, Sound& v);
void describe(xml::Binder& b, Audio& v);
void describe(xml::Binder& b, Watchdog& v);
void describe(xml::Binder& b, Memballoon& v);
void describe(xml::Binder& b, RngBackend& v);
void describe(xml::Binder& b, Rng& v);
void describe(xml::Binder& b, Panic& v);

} // namespace polyvirt::sdk::domain
