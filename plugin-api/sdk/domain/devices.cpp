// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/devices.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, Hub& v) {
    b.attr("type", v.type, xml::one_of(names::kHubs, true));
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Input& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("bus", v.bus);
    b.attr("model", v.model);
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    b.child("source", v.source);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, InputSource& v) {
    b.attr("evdev", v.evdev);
    b.attr("dev", v.dev);
    b.attr("grab", v.grab, xml::one_of(names::kGrab));
    b.attr("grabToggle", v.grab_toggle, xml::one_of(names::kGrabToggle));
    b.attr("repeat", v.repeat);
}

void describe(xml::Binder& b, GraphicsChannel& v) {
    b.attr("name", v.name, xml::one_of(names::kSpiceChannels, true));
    b.attr("mode", v.mode, xml::one_of(names::kSecurity, true));
}

void describe(xml::Binder& b, AudioRef& v) {
    b.attr("id", v.id, xml::Rule{}.limits(1, 0xffffffff));
}

void describe(xml::Binder& b, SoundCodec& v) {
    b.attr("type", v.type, xml::one_of(names::kCodecs, true));
}

void describe(xml::Binder& b, GraphicsListen& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("address", v.address);
    b.attr("network", v.network);
    b.attr("socket", v.socket);
}

void describe(xml::Binder& b, GraphicsGl& v) {
    b.attr("enable", v.enable);
    b.attr("rendernode", v.rendernode);
}

void describe(xml::Binder& b, Graphics& v) {
    const xml::Rule port = xml::Rule{}.limits(-1, 65535);
    b.attr("type", v.type, xml::kRequired);
    b.attr("port", v.port, port);
    b.attr("tlsPort", v.tls_port, port);
    b.attr("autoport", v.autoport);
    b.attr("websocket", v.websocket, port);
    b.attr("socket", v.socket);
    b.attr("listen", v.listen);
    b.attr("keymap", v.keymap);
    b.attr("passwd", v.passwd);
    b.attr("passwdValidTo", v.passwd_valid_to);
    b.attr("connected", v.connected, xml::one_of(names::kConnected));
    b.attr("sharePolicy", v.share_policy, xml::one_of(names::kSharePolicy));
    b.attr("defaultMode", v.default_mode, xml::one_of(names::kSecurity));
    b.attr("powerControl", v.power_control, xml::one_of(names::kYesNo));
    b.attr("display", v.display);
    b.attr("xauth", v.xauth);
    b.attr("fullscreen", v.fullscreen);
    b.attr("p2p", v.p2p);
    b.attr("address", v.address);
    b.child("listen", v.listens);
    b.child("gl", v.gl);
    b.child("channel", v.channels);
    b.group("image", [&] { b.attr("compression", v.image_compression, xml::one_of(names::kImages)); });
    b.group("jpeg", [&] { b.attr("compression", v.jpeg_compression, xml::one_of(names::kWanCompression)); });
    b.group("zlib", [&] { b.attr("compression", v.zlib_compression, xml::one_of(names::kWanCompression)); });
    b.group("playback", [&] { b.attr("compression", v.playback_compression); });
    b.group("streaming", [&] { b.attr("mode", v.streaming, xml::one_of(names::kStreaming)); });
    b.group("clipboard", [&] { b.attr("copypaste", v.copypaste); });
    b.group("mouse", [&] { b.attr("mode", v.mouse, xml::one_of(names::kMouse)); });
    b.group("filetransfer", [&] { b.attr("enable", v.filetransfer); });
    b.child("audio", v.audio);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, VideoAcceleration& v) {
    b.attr("accel2d", v.accel2d);
    b.attr("accel3d", v.accel3d);
    b.attr("rendernode", v.rendernode);
}

void describe(xml::Binder& b, VideoModel& v) {
    b.attr("type", v.type, xml::one_of(names::kVideos, true));
    b.attr("ram", v.ram);
    b.attr("vram", v.vram);
    b.attr("vram64", v.vram64);
    b.attr("vgamem", v.vgamem);
    b.attr("heads", v.heads);
    b.attr("primary", v.primary);
    b.attr("blob", v.blob);
    b.child("acceleration", v.acceleration);
    b.group("resolution", [&] {
        b.attr("x", v.resolution_x);
        b.attr("y", v.resolution_y);
    });
}

void describe(xml::Binder& b, VideoDriver& v) {
    b.attr("name", v.name, xml::one_of(names::kVideoDrivers));
    b.attr("vgaconf", v.vgaconf, xml::one_of(names::kVgaconf));
    describe_virtio(b, v.virtio);
}

void describe(xml::Binder& b, Video& v) {
    b.child("driver", v.driver);
    b.child("model", v.model);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Sound& v) {
    b.attr("model", v.model, xml::one_of(names::kSounds, true));
    b.attr("multichannel", v.multichannel);
    b.child("codec", v.codecs);
    b.child("audio", v.audio);
    describe_info(b, v.info);
}

static void describe(xml::Binder& b, AudioStream& v) {
    b.attr("mixingEngine", v.mixing_engine);
    b.attr("fixedSettings", v.fixed_settings);
    b.attr("voices", v.voices);
    b.attr("bufferLength", v.buffer_length);
    b.attr("dev", v.dev);
    b.attr("tryPoll", v.try_poll);
    b.attr("bufferCount", v.buffer_count);
    b.attr("name", v.name);
    b.attr("streamName", v.stream_name);
    b.attr("latency", v.latency);
    b.attr("serverName", v.server_name);
    b.attr("clientName", v.client_name);
    b.attr("connectPorts", v.connect_ports);
    b.attr("exactName", v.exact_name);
    b.group("settings", [&] {
        b.attr("frequency", v.frequency);
        b.attr("channels", v.channels);
        b.attr("format", v.format, xml::one_of(names::kSamples));
    });
}

void describe(xml::Binder& b, Audio& v) {
    b.attr("id", v.id, xml::Rule{true}.limits(1, 0xffffffff));
    b.attr("type", v.type, xml::one_of(names::kAudios, true));
    b.attr("timerPeriod", v.timer_period);
    b.attr("serverName", v.server_name);
    b.attr("runtimeDir", v.runtime_dir);
    b.attr("driver", v.driver);
    b.attr("path", v.path);
    b.attr("tryMMap", v.try_mmap, xml::one_of(names::kYesNo));
    b.attr("exclusive", v.exclusive, xml::one_of(names::kYesNo));
    b.attr("dspPolicy", v.dsp_policy);
    b.child("input", v.input);
    b.child("output", v.output);
}

void describe(xml::Binder& b, Watchdog& v) {
    b.attr("model", v.model, xml::one_of(names::kWatchdogs, true));
    b.attr("action", v.action, xml::one_of(names::kWatchdogActions));
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Memballoon& v) {
    b.attr("model", v.model, xml::one_of(names::kBalloons, true));
    b.attr("autodeflate", v.autodeflate);
    b.attr("freePageReporting", v.free_page_reporting);
    b.group("stats", [&] { b.attr("period", v.stats_period); });
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, RngBackend& v) {
    b.attr("model", v.model, xml::one_of(names::kRngBackends, true));
    b.attr("type", v.type);
    b.when(v.model == "egd", "model is egd", [&] {
        b.child("source", v.sources);
        b.group("protocol", [&] { b.attr("type", v.protocol); });
    });
    b.when(v.model != "egd", "model is not egd", [&] { b.text(v.path); });
}

void describe(xml::Binder& b, Rng& v) {
    b.attr("model", v.model, xml::one_of(names::kVirtio, true));
    b.group("rate", [&] {
        b.attr("bytes", v.rate_bytes);
        b.attr("period", v.rate_period);
    });
    b.child("backend", v.backend);
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Panic& v) {
    b.attr("model", v.model, xml::one_of(names::kPanics));
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
