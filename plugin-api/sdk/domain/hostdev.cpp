// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/hostdev.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

namespace {

void describe_id(xml::Binder& b, const char* name, HostUsbId& v, std::uint32_t least) {
    xml::Rule id{true};
    id.hex = 4;
    b.group(name, [&] { b.attr("id", v.id, id.limits(least, 0xffff)); });
}

} // namespace

void describe(xml::Binder& b, HostdevSource& v) {
    b.attr("startupPolicy", v.startup_policy, xml::one_of(names::kStartupPolicy));
    b.attr("missing", v.missing);
    b.attr("guestReset", v.guest_reset, xml::one_of(names::kGuestReset));
    b.attr("writeFiltering", v.write_filtering);
    b.attr("protocol", v.protocol, xml::one_of(names::kHostdevProtocols));
    b.attr("name", v.name);
    b.attr("wwpn", v.wwpn);
    describe_id(b, "vendor", v.vendor, 1);
    describe_id(b, "product", v.product, 0);
    b.group("adapter", [&] { b.attr("name", v.adapter); });
    b.child("address", v.address);
    b.child("host", v.hosts);
    b.child("auth", v.auth);
    b.group("initiator", [&] { b.group("iqn", [&] { b.attr("name", v.initiator_iqn); }); });
    b.element("block", v.block);
    b.element("char", v.character);
    b.element("interface", v.interface);
}

void describe(xml::Binder& b, Hostdev& v) {
    b.attr("mode", v.mode, xml::one_of(names::kHostdevModes));
    b.attr("type", v.type, xml::one_of(names::kHostdevTypes));
    b.attr("managed", v.managed);
    b.attr("model", v.model, xml::one_of(names::kHostdevModels));
    b.attr("display", v.display, xml::one_of(names::kOnOff));
    b.attr("ramfb", v.ramfb, xml::one_of(names::kOnOff));
    b.attr("sgio", v.sgio, xml::one_of(names::kSgio));
    b.attr("rawio", v.rawio, xml::one_of(names::kYesNo));
    b.group("driver", [&] { b.attr("name", v.driver, xml::one_of(names::kHostdevDrivers)); });
    b.child("source", v.source);
    b.child("teaming", v.teaming);
    b.flag("readonly", v.readonly);
    b.flag("shareable", v.shareable);
    b.child("ip", v.ips);
    b.child("route", v.routes);
    b.child("rom", v.rom);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, FilesystemDriver& v) {
    b.attr("type", v.type, xml::one_of(names::kFilesystemDrivers));
    b.attr("format", v.format, xml::one_of(names::kFormats));
    b.attr("name", v.name);
    b.attr("wrpolicy", v.wrpolicy, xml::one_of(names::kWritePolicies));
    b.attr("queue", v.queue);
    describe_virtio(b, v.virtio);
}

void describe(xml::Binder& b, FilesystemBinary& v) {
    b.attr("path", v.path);
    b.attr("xattr", v.xattr);
    b.group("cache", [&] { b.attr("mode", v.cache_mode, xml::one_of(names::kCacheModes)); });
    b.group("sandbox", [&] { b.attr("mode", v.sandbox_mode, xml::one_of(names::kSandboxes)); });
    b.group("lock", [&] {
        b.attr("posix", v.lock_posix);
        b.attr("flock", v.lock_flock);
    });
    b.group("thread_pool", [&] { b.attr("size", v.thread_pool_size); });
}

void describe(xml::Binder& b, FilesystemSource& v) {
    b.attr("file", v.file);
    b.attr("dev", v.dev);
    b.attr("dir", v.dir);
    b.attr("name", v.name);
    b.attr("usage", v.usage);
    b.attr("units", v.units);
    b.attr("pool", v.pool);
    b.attr("volume", v.volume);
    b.attr("socket", v.socket);
}

void describe(xml::Binder& b, Filesystem& v) {
    const xml::SizeRule bytes{1, "bytes", 1};
    b.attr("type", v.type, xml::one_of(names::kFilesystems));
    b.attr("accessmode", v.accessmode, xml::one_of(names::kAccessModes));
    b.attr("model", v.model, xml::one_of(names::kVirtio));
    b.attr("multidevs", v.multidevs, xml::one_of(names::kMultidevs));
    b.attr("fmode", v.fmode);
    b.attr("dmode", v.dmode);
    b.child("driver", v.driver);
    b.child("binary", v.binary);
    b.child("source", v.source);
    b.group("target", [&] { b.attr("dir", v.target); });
    b.flag("readonly", v.readonly);
    describe_info(b, v.info);
    b.group("space_hard_limit", [&] { b.size_text(v.space_hard_limit, bytes); });
    b.group("space_soft_limit", [&] { b.size_text(v.space_soft_limit, bytes); });
}

void describe(xml::Binder& b, Redirdev& v) {
    b.attr("bus", v.bus, xml::one_of(names::kRedirBuses));
    b.attr("type", v.type, xml::one_of(names::kChardevTypes, true));
    b.child("source", v.sources);
    b.group("protocol", [&] { b.attr("type", v.protocol); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, RedirFilterRule& v) {
    b.attr("class", v.class_);
    b.attr("vendor", v.vendor);
    b.attr("product", v.product);
    b.attr("version", v.version);
    b.attr("allow", v.allow, xml::kRequired);
}
void describe(xml::Binder& b, RedirFilter& v) {
    b.child("usbdev", v.rules);
}

} // namespace polyvirt::sdk::domain
