// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/disk.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, DiskDriver& v) {
    b.attr("name", v.name);
    b.attr("type", v.type, xml::one_of(names::kFormats));
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
    describe_metadata_cache(b, v.metadata_cache);
}

void describe(xml::Binder& b, DiskGeometry& v) {
    b.attr("cyls", v.cyls);
    b.attr("heads", v.heads);
    b.attr("secs", v.secs);
    b.attr("trans", v.trans, xml::one_of(names::kGeometry));
}

void describe(xml::Binder& b, DiskIotune& v) {
    // In the order of the interface's own parameters.
    const std::pair<const char*, std::optional<std::uint64_t> DiskIotune::*> limits[] = {
        {"total_bytes_sec", &DiskIotune::total_bytes_sec},
        {"read_bytes_sec", &DiskIotune::read_bytes_sec},
        {"write_bytes_sec", &DiskIotune::write_bytes_sec},
        {"total_iops_sec", &DiskIotune::total_iops_sec},
        {"read_iops_sec", &DiskIotune::read_iops_sec},
        {"write_iops_sec", &DiskIotune::write_iops_sec},
        {"total_bytes_sec_max", &DiskIotune::total_bytes_sec_max},
        {"read_bytes_sec_max", &DiskIotune::read_bytes_sec_max},
        {"write_bytes_sec_max", &DiskIotune::write_bytes_sec_max},
        {"total_iops_sec_max", &DiskIotune::total_iops_sec_max},
        {"read_iops_sec_max", &DiskIotune::read_iops_sec_max},
        {"write_iops_sec_max", &DiskIotune::write_iops_sec_max},
        {"size_iops_sec", &DiskIotune::size_iops_sec},
    };
    const std::pair<const char*, std::optional<std::uint64_t> DiskIotune::*> lengths[] = {
        {"total_bytes_sec_max_length", &DiskIotune::total_bytes_sec_max_length},
        {"read_bytes_sec_max_length", &DiskIotune::read_bytes_sec_max_length},
        {"write_bytes_sec_max_length", &DiskIotune::write_bytes_sec_max_length},
        {"total_iops_sec_max_length", &DiskIotune::total_iops_sec_max_length},
        {"read_iops_sec_max_length", &DiskIotune::read_iops_sec_max_length},
        {"write_iops_sec_max_length", &DiskIotune::write_iops_sec_max_length},
    };
    for (const auto& [name, field] : limits) b.element(name, v.*field);
    b.element("group_name", v.group_name);
    for (const auto& [name, field] : lengths) b.element(name, v.*field);
}

void describe(xml::Binder& b, DiskTarget& v) {
    b.attr("dev", v.dev);
    b.attr("bus", v.bus);
    b.attr("tray", v.tray, xml::one_of(names::kTray));
    b.attr("removable", v.removable);
    b.attr("rotation_rate", v.rotation_rate);
}

void describe(xml::Binder& b, Disk& v) {
    b.attr("type", v.type);
    b.attr("device", v.device);
    b.attr("model", v.model);
    b.attr("rawio", v.rawio, xml::one_of(names::kYesNo));
    b.attr("sgio", v.sgio, xml::one_of(names::kSgio));
    b.attr("snapshot", v.snapshot, xml::one_of(names::kSnapshot));
    b.child("driver", v.driver);
    b.child("auth", v.auth);
    b.child("source", v.source);
    b.child("backingStore", v.backing);
    b.group("backenddomain", [&] { b.attr("name", v.backend_domain); });
    b.child("mirror", v.mirror);
    b.child("geometry", v.geometry);
    b.group("blockio", [&] {
        b.attr("logical_block_size", v.logical_block_size);
        b.attr("physical_block_size", v.physical_block_size);
    });
    b.child("target", v.target);
    b.require(!v.target.dev.empty(), "a disk needs <target dev='...'/>", ErrorCode::no_target);
    b.child("iotune", v.iotune);
    b.flag("readonly", v.readonly);
    b.flag("shareable", v.shareable);
    b.flag("transient", v.transient);
    b.element("serial", v.serial);
    b.element("wwn", v.wwn);
    b.element("vendor", v.vendor);
    b.element("product", v.product);
    b.child("encryption", v.encryption);
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
        b.group("model", [&] { b.attr("name", v.pci_model_name, xml::one_of(names::kPciModels)); });
        b.child("target", v.target);
        b.group("pcihole64", [&] { b.size_text(v.pcihole64); });
    });
    b.child("master", v.master);
    b.child("driver", v.driver);
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
