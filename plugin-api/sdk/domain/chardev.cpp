// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/chardev.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, ChardevSource& v) {
    b.attr("type", v.type);
    b.attr("channel", v.channel);
    b.attr("mode", v.mode, xml::one_of(names::kLineModes));
    b.attr("host", v.host);
    b.attr("service", v.service);
    b.attr("path", v.path);
    b.attr("master", v.master);
    b.attr("slave", v.slave);
    b.attr("tls", v.tls, xml::one_of(names::kYesNo));
    b.attr("append", v.append);
    b.child("reconnect", v.reconnect);
    b.group("clipboard", [&] { b.attr("copypaste", v.copypaste); });
    b.group("mouse", [&] { b.attr("mode", v.mouse, xml::one_of(names::kMouse)); });
    b.child("seclabel", v.labels);
}

void describe(xml::Binder& b, ChardevTarget& v) {
    b.attr("type", v.type);
    b.attr("address", v.address);
    b.attr("port", v.port);
    b.attr("name", v.name);
    b.attr("state", v.state, xml::one_of(names::kChannelState));
    b.group("model", [&] { b.attr("name", v.model); });
}

void describe(xml::Binder& b, ChardevLog& v) {
    b.attr("file", v.file);
    b.attr("append", v.append);
}

void describe(xml::Binder& b, Chardev& v) {
    b.attr("type", v.type);
    b.attr("tty", v.tty);
    b.child("source", v.sources);
    b.group("protocol", [&] { b.attr("type", v.protocol, xml::one_of(names::kLineProtocols)); });
    b.child("log", v.log);
    b.child("target", v.target);
    describe_info(b, v.info);
}

} // namespace polyvirt::sdk::domain
