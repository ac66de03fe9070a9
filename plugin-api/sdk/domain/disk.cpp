// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/disk.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, SecretRef& v) {
    b.attr("type", v.type);
    b.attr("uuid", v.uuid);
    b.attr("usage", v.usage);
}

void describe(xml::Binder& b, DiskAuth& v) {
    b.attr("username", v.username, xml::kRequired);
    b.child("secret", v.secret);
}

void describe(xml::Binder& b, EncryptionCipher& v) {
    b.attr("name", v.name);
    b.attr("size", v.size);
    b.attr("mode", v.mode);
    b.attr("hash", v.hash);
}

void describe(xml::Binder& b, EncryptionIvgen& v) {
    b.attr("name", v.name);
    b.attr("hash", v.hash);
}

void describe(xml::Binder& b, Encryption& v) {
    b.attr("format", v.format, xml::one_of(names::kEncryption, true));
    b.attr("engine", v.engine, xml::one_of(names::kEngines));
    b.child("secret", v.secrets);
    b.child("cipher", v.cipher);
    b.child("ivgen", v.ivgen);
}

static void describe_metadata_cache(xml::Binder& b, xml::Size& size) {
    b.group("metadata_cache",
            [&] { b.group("max_size", [&] { b.size_text(size, {1, "bytes", 1}); }); });
}

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

void describe(xml::Binder& b, DiskHost& v) {
    b.attr("name", v.name);
    b.attr("port", v.port);
    b.attr("transport", v.transport, xml::one_of(names::kTransports));
    b.attr("socket", v.socket);
}

void describe(xml::Binder& b, DiskSource& v) {
    b.attr("file", v.file, xml::absolute_path());
    b.attr("dev", v.dev);
    b.attr("dir", v.dir);
    b.attr("protocol", v.protocol, xml::one_of(names::kProtocols));
    b.attr("name", v.name);
    b.attr("query", v.query);
    b.attr("tls", v.tls, xml::one_of(names::kYesNo));
    b.attr("tlsHostname", v.tls_hostname);
    b.attr("pool", v.pool);
    b.attr("volume", v.volume);
    b.attr("mode", v.mode, xml::one_of(names::kPoolModes));
    b.attr("type", v.type);
    b.attr("managed", v.managed, xml::one_of(names::kYesNo));
    b.attr("namespace", v.nvme_namespace);
    b.attr("path", v.path);
    b.attr("startupPolicy", v.startup_policy, xml::one_of(names::kStartupPolicy));
    b.attr("fdgroup", v.fd_group);
    b.attr("index", v.index);
    b.child("host", v.hosts);
    b.child("address", v.nvme);
    b.group("snapshot", [&] { b.attr("name", v.snapshot); });
    b.group("config", [&] { b.attr("file", v.config); });
    b.child("auth", v.auth);
    b.group("ssl", [&] { b.attr("verify", v.ssl_verify); });
    b.group("cookies", [&] { b.child("cookie", v.cookies); });
    b.group("readahead", [&] { b.attr("size", v.readahead); });
    b.group("timeout", [&] { b.attr("seconds", v.timeout); });
    b.group("initiator", [&] { b.group("iqn", [&] { b.attr("name", v.initiator); }); });
    b.group("slices", [&] { b.child("slice", v.slices); });
    b.child("reconnect", v.reconnect);
    b.group("identity", [&] {
        b.attr("user", v.user);
        b.attr("group", v.group);
    });
    b.child("encryption", v.encryption);
    b.child("reservations", v.reservations);
    b.child("seclabel", v.labels);
}

void describe(xml::Binder& b, DiskSlice& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("offset", v.offset);
    b.attr("size", v.size, xml::kRequired);
}

void describe(xml::Binder& b, DiskCookie& v) {
    b.attr("name", v.name, xml::kRequired);
    b.text(v.value);
}

void describe(xml::Binder& b, Reservations& v) {
    b.attr("managed", v.managed, xml::kRequired);
    b.child("source", v.source);
}

void describe(xml::Binder& b, NvmeAddress& v) {
    const auto hex = [](int digits) {
        xml::Rule rule;
        rule.hex = digits;
        return rule;
    };
    b.attr("domain", v.domain, hex(4));
    b.attr("bus", v.bus, hex(2));
    b.attr("slot", v.slot, hex(2));
    b.attr("function", v.function, hex(1));
}

void describe(xml::Binder& b, BackingStore& v) {
    b.attr("type", v.type);
    b.attr("index", v.index);
    b.group("format", [&] {
        b.attr("type", v.format, xml::one_of(names::kFormats));
        describe_metadata_cache(b, v.metadata_cache);
    });
    b.child("source", v.source);
    b.child("backingStore", v.next);
}

void describe(xml::Binder& b, ReservationSource& v) {
    b.attr("type", v.type);
    b.attr("path", v.path);
    b.attr("mode", v.mode);
}

void describe(xml::Binder& b, Mirror& v) {
    b.attr("type", v.type);
    b.attr("file", v.file);
    b.attr("format", v.file_format);
    b.attr("job", v.job);
    b.attr("ready", v.ready);
    b.group("format", [&] { b.attr("type", v.format, xml::one_of(names::kFormats)); });
    b.child("source", v.source);
    b.child("backingStore", v.backing);
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
