// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/disk.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, DiskDriver& v) {
    b.attr("name", v.name);
    b.attr("type", v.type);
    b.attr("cache", v.cache);
    b.attr("error_policy", v.error_policy);
    b.attr("rerror_policy", v.rerror_policy);
    b.attr("io", v.io);
    b.attr("ioeventfd", v.ioeventfd);
    b.attr("event_idx", v.event_idx);
    b.attr("copy_on_read", v.copy_on_read);
    b.attr("discard", v.discard);
    b.attr("iothread", v.iothread, xml::Rule{}.limits(1, 0xffffffff));
    b.attr("detect_zeroes", v.detect_zeroes);
    b.attr("queues", v.queues);
    b.attr("queue_size", v.queue_size);
    describe_virtio(b, v.virtio);
    b.keep({"metadata_cache"}, v.kept);
}

void describe(xml::Binder& b, DiskHost& v) {
    b.attr("name", v.name);
    b.attr("port", v.port);
    b.attr("transport", v.transport);
    b.attr("socket", v.socket);
}

void describe(xml::Binder& b, DiskSource& v) {
    b.attr("file", v.file);
    b.attr("dev", v.dev);
    b.attr("dir", v.dir);
    b.attr("protocol", v.protocol);
    b.attr("name", v.name);
    b.attr("query", v.query);
    b.attr("tls", v.tls);
    b.attr("pool", v.pool);
    b.attr("volume", v.volume);
    b.attr("mode", v.mode);
    b.attr("type", v.type);
    b.attr("managed", v.managed);
    b.attr("namespace", v.nvme_namespace);
    b.attr("path", v.path);
    b.attr("startupPolicy", v.startup_policy);
    b.attr("fdgroup", v.fd_group);
    b.attr("index", v.index);
    b.child("host", v.hosts);
    b.keep({"address", "snapshot", "config", "initiator", "ssl", "cookies", "readahead", "timeout",
            "auth", "encryption", "reservations", "slices", "reconnect", "identity", "knownHosts",
            "seclabel"},
           v.kept);
}

void describe(xml::Binder& b, DiskTarget& v) {
    b.attr("dev", v.dev);
    b.attr("bus", v.bus);
    b.attr("tray", v.tray);
    b.attr("removable", v.removable);
    b.attr("rotation_rate", v.rotation_rate);
}

void describe(xml::Binder& b, Disk& v) {
    b.attr("type", v.type);
    b.attr("device", v.device);
    b.attr("model", v.model);
    b.attr("rawio", v.rawio);
    b.attr("sgio", v.sgio);
    b.attr("snapshot", v.snapshot);
    b.child("driver", v.driver);
    b.keep({"auth"}, v.kept);
    b.child("source", v.source);
    b.keep({"backingStore", "backenddomain", "geometry", "blockio", "mirror"}, v.kept);
    b.child("target", v.target);
    b.require(!v.target.dev.empty(), "a disk needs <target dev='...'/>", ErrorCode::no_target);
    b.keep({"iotune"}, v.kept);
    b.flag("readonly", v.readonly);
    b.flag("shareable", v.shareable);
    b.flag("transient", v.transient);
    b.element("serial", v.serial);
    b.element("wwn", v.wwn);
    b.element("vendor", v.vendor);
    b.element("product", v.product);
    b.keep({"encryption"}, v.kept);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, ControllerDriver& v) {
    b.attr("queues", v.queues);
    b.attr("cmd_per_lun", v.cmd_per_lun);
    b.attr("max_sectors", v.max_sectors);
    b.attr("ioeventfd", v.ioeventfd);
    b.attr("iothread", v.iothread);
    describe_virtio(b, v.virtio);
}

void describe(xml::Binder& b, ControllerTarget& v) {
    xml::Rule hex;
    hex.hex = 0;
    b.attr("chassisNr", v.chassis_nr, xml::Rule{}.limits(0, 255));
    b.attr("chassis", v.chassis, xml::Rule{}.limits(0, 255));
    b.attr("port", v.port, hex.limits(0, 255));
    b.attr("busNr", v.bus_nr, xml::Rule{}.limits(1, 254));
    b.attr("index", v.index);
    b.attr("hotplug", v.hotplug);
    b.element("node", v.node);
}

void describe(xml::Binder& b, ControllerMaster& v) {
    b.attr("startport", v.startport);
}

void describe(xml::Binder& b, Controller& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("index", v.index);
    b.attr("model", v.model);
    b.attr("ports", v.ports);
    b.attr("vectors", v.vectors);
    b.attr("maxGrantFrames", v.max_grant_frames);
    b.attr("maxEventChannels", v.max_event_channels);
    b.when(v.type == ControllerType::pci, "type is pci", [&] {
        b.group("model", [&] { b.attr("name", v.pci_model_name); });
        b.child("target", v.target);
        b.group("pcihole64", [&] { b.size_text(v.pcihole64); });
    });
    b.child("master", v.master);
    b.child("driver", v.driver);
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
