// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/devices.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, Filesystem& v) {
    b.attr("type", v.type);
    b.attr("accessmode", v.accessmode);
    b.attr("model", v.model);
    b.attr("multidevs", v.multidevs);
    b.attr("fmode", v.fmode);
    b.attr("dmode", v.dmode);
    b.keep({"driver", "binary", "source", "target", "space_hard_limit", "space_soft_limit"},
           v.kept);
    b.flag("readonly", v.readonly);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Hostdev& v) {
    b.attr("mode", v.mode);
    b.attr("type", v.type);
    b.attr("managed", v.managed);
    b.attr("model", v.model);
    b.attr("display", v.display);
    b.attr("ramfb", v.ramfb);
    b.attr("sgio", v.sgio);
    b.attr("rawio", v.rawio);
    b.keep({"driver", "source", "teaming", "rom", "ip", "route"}, v.kept);
    b.flag("readonly", v.readonly);
    b.flag("shareable", v.shareable);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Redirdev& v) {
    b.attr("bus", v.bus);
    b.attr("type", v.type, xml::kRequired);
    b.keep({"source", "protocol"}, v.kept);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Hub& v) {
    b.attr("type", v.type, xml::kRequired);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Input& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("bus", v.bus);
    b.attr("model", v.model);
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    b.keep({"source"}, v.kept);
    describe_info(b, v.info);
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
    b.attr("connected", v.connected);
    b.attr("sharePolicy", v.share_policy);
    b.attr("defaultMode", v.default_mode);
    b.attr("powerControl", v.power_control);
    b.attr("display", v.display);
    b.attr("xauth", v.xauth);
    b.attr("fullscreen", v.fullscreen);
    b.attr("p2p", v.p2p);
    b.attr("address", v.address);
    b.child("listen", v.listens);
    b.child("gl", v.gl);
    b.keep({"channel"}, v.kept);
    b.group("image", [&] { b.attr("compression", v.image_compression); });
    b.keep({"jpeg", "zlib", "playback", "streaming", "clipboard", "mouse", "filetransfer", "audio"},
           v.kept);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, VideoAcceleration& v) {
    b.attr("accel2d", v.accel2d);
    b.attr("accel3d", v.accel3d);
    b.attr("rendernode", v.rendernode);
}

void describe(xml::Binder& b, VideoModel& v) {
    b.attr("type", v.type, xml::kRequired);
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
    b.attr("name", v.name);
    b.attr("vgaconf", v.vgaconf);
    describe_virtio(b, v.virtio);
}

void describe(xml::Binder& b, Video& v) {
    b.child("driver", v.driver);
    b.child("model", v.model);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Sound& v) {
    b.attr("model", v.model, xml::kRequired);
    b.attr("multichannel", v.multichannel);
    b.keep({"codec", "audio"}, v.kept);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Audio& v) {
    b.attr("id", v.id, xml::Rule{true}.limits(1, 0xffffffff));
    b.attr("type", v.type, xml::kRequired);
    b.attr("timerPeriod", v.timer_period);
    b.attr("serverName", v.server_name);
    b.attr("runtimeDir", v.runtime_dir);
    b.attr("driver", v.driver);
    b.attr("path", v.path);
    b.attr("tryMMap", v.try_mmap);
    b.attr("exclusive", v.exclusive);
    b.attr("dspPolicy", v.dsp_policy);
    b.keep({"input", "output"}, v.kept);
}

void describe(xml::Binder& b, Watchdog& v) {
    b.attr("model", v.model, xml::kRequired);
    b.attr("action", v.action);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Memballoon& v) {
    b.attr("model", v.model, xml::kRequired);
    b.attr("autodeflate", v.autodeflate);
    b.attr("freePageReporting", v.free_page_reporting);
    b.group("stats", [&] { b.attr("period", v.stats_period); });
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, RngBackend& v) {
    b.attr("model", v.model, xml::kRequired);
    b.attr("type", v.type);
    b.keep({"source", "protocol"}, v.kept);
    b.when(v.kept.empty(), "the backend is no socket", [&] { b.text(v.path); });
}

void describe(xml::Binder& b, Rng& v) {
    b.attr("model", v.model, xml::kRequired);
    b.group("rate", [&] {
        b.attr("bytes", v.rate_bytes);
        b.attr("period", v.rate_period);
    });
    b.child("backend", v.backend);
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Panic& v) {
    b.attr("model", v.model);
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
