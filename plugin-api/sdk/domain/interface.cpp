// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/interface.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, InterfaceMac& v) {
    b.attr("address", v.address);
    b.attr("type", v.type, xml::one_of(names::kMacTypes));
    b.attr("check", v.check, xml::one_of(names::kYesNo));
}

void describe(xml::Binder& b, InterfaceIp& v) {
    b.attr("address", v.address, xml::kRequired);
    b.attr("family", v.family, xml::one_of(names::kIpFamily));
    b.attr("prefix", v.prefix, xml::Rule{}.limits(0, 128));
    b.attr("peer", v.peer);
}

void describe(xml::Binder& b, InterfaceRoute& v) {
    b.attr("family", v.family, xml::one_of(names::kIpFamily));
    b.attr("address", v.address, xml::kRequired);
    b.attr("netmask", v.netmask);
    b.attr("prefix", v.prefix, xml::Rule{}.limits(0, 128));
    b.attr("gateway", v.gateway, xml::kRequired);
    b.attr("metric", v.metric, xml::Rule{}.limits(1, 0xffffffff));
}

void describe(xml::Binder& b, FilterParameter& v) {
    b.attr("name", v.name);
    b.attr("value", v.value);
}
void describe(xml::Binder& b, FilterRef& v) {
    b.attr("filter", v.filter);
    b.child("parameter", v.parameters);
}

void describe(xml::Binder& b, InterfaceSource& v) {
    b.attr("type", v.type);
    b.attr("network", v.network);
    b.attr("portid", v.port_id);
    b.attr("portgroup", v.portgroup);
    b.attr("bridge", v.bridge);
    b.attr("path", v.path);
    b.attr("dev", v.dev);
    b.attr("name", v.name);
    b.attr("mode", v.mode);
    b.attr("address", v.address);
    b.attr("port", v.port);
    b.child("address", v.host_address);
    b.child("local", v.local);
    b.child("reconnect", v.reconnect);
    b.child("ip", v.ips);
    b.child("route", v.routes);
}

void describe(xml::Binder& b, InterfaceDriver& v) {
    b.attr("name", v.name, xml::one_of(names::kNicDrivers));
    b.attr("txmode", v.txmode, xml::one_of(names::kTxModes));
    b.attr("ioeventfd", v.ioeventfd);
    b.attr("event_idx", v.event_idx);
    b.attr("queues", v.queues);
    b.attr("rx_queue_size", v.rx_queue_size);
    b.attr("tx_queue_size", v.tx_queue_size);
    b.attr("rss", v.rss);
    b.attr("rss_hash_report", v.rss_hash_report);
    describe_virtio(b, v.virtio);
    b.child("host", v.host);
    b.child("guest", v.guest);
}

void describe(xml::Binder& b, HostOffload& v) {
    b.attr("csum", v.csum);
    b.attr("gso", v.gso);
    b.attr("tso4", v.tso4);
    b.attr("tso6", v.tso6);
    b.attr("ecn", v.ecn);
    b.attr("ufo", v.ufo);
    b.attr("mrg_rxbuf", v.mrg_rxbuf);
}

void describe(xml::Binder& b, GuestOffload& v) {
    b.attr("csum", v.csum);
    b.attr("tso4", v.tso4);
    b.attr("tso6", v.tso6);
    b.attr("ecn", v.ecn);
    b.attr("ufo", v.ufo);
}

void describe(xml::Binder& b, InterfaceBackend& v) {
    b.attr("type", v.type, xml::one_of(names::kNicBackends));
    b.attr("tap", v.tap);
    b.attr("vhost", v.vhost);
    b.attr("logFile", v.log_file);
}

void describe(xml::Binder& b, InterfaceLocal& v) {
    b.attr("address", v.address);
    b.attr("port", v.port);
}

void describe(xml::Binder& b, Coalesce& v) {
    b.group("rx", [&] { b.group("frames", [&] { b.attr("max", v.rx_max_frames); }); });
}

void describe(xml::Binder& b, InterfaceTarget& v) {
    b.attr("dev", v.dev);
    b.attr("managed", v.managed);
}

void describe(xml::Binder& b, Interface& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("managed", v.managed);
    b.attr("trustGuestRxFilters", v.trust_guest_rx_filters);
    b.child("mac", v.mac);
    b.child("source", v.source);
    b.child("virtualport", v.virtualport);
    b.child("ip", v.ips);
    b.child("route", v.routes);
    b.group("script", [&] { b.attr("path", v.script); });
    b.group("downscript", [&] { b.attr("path", v.downscript); });
    b.group("backenddomain", [&] { b.attr("name", v.backend_domain); });
    b.child("target", v.target);
    b.group("guest", [&] {
        b.attr("dev", v.guest_dev);
        b.attr("actual", v.guest_actual);
    });
    b.group("model", [&] { b.attr("type", v.model); });
    b.child("driver", v.driver);
    b.child("backend", v.backend);
    b.child("filterref", v.filter);
    b.group("port", [&] { b.attr("isolated", v.isolated); });
    b.group("tune", [&] { b.element("sndbuf", v.sndbuf); });
    b.group("link", [&] { b.attr("state", v.link); });
    b.group("mtu", [&] { b.attr("size", v.mtu, xml::Rule{}.limits(0, 0xffffffff)); });
    b.child("vlan", v.vlan);
    b.child("bandwidth", v.bandwidth);
    b.child("coalesce", v.coalesce);
    b.child("teaming", v.teaming);
    b.child("rom", v.rom);
    b.group("acpi", [&] { b.attr("index", v.acpi_index); });
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
