// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <serial>, <parallel>, <console>, <channel>: one shape, four kinds.

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

enum class ChardevType : std::uint8_t {
    unset,
    null,
    vc,
    pty,
    dev,
    file,
    pipe,
    stdio,
    udp,
    tcp,
    unix_,
    spicevmc,
    spiceport,
    nmdm,
    qemu_vdagent,
    dbus
};
inline constexpr std::string_view kChardevTypes[] = {
    "",    "null", "vc",   "pty",      "dev",       "file", "pipe",         "stdio",
    "udp", "tcp",  "unix", "spicevmc", "spiceport", "nmdm", "qemu-vdagent", "dbus"};
constexpr xml::Names names_of(ChardevType) {
    return kChardevTypes;
}

struct ChardevSource {
    std::string type; // where the element around it has none
    std::string mode, host, service, path, channel, master, slave, tls;
    OnOff append{};
    std::optional<Reconnect> reconnect;
    YesNo copypaste{}; // qemu-vdagent
    std::string mouse;
    std::vector<SourceLabel> labels;
};
struct ChardevTarget {
    std::string
        type; // isa-serial, usb-serial, virtio, serial, guestfwd ...; depends on the element
    Number port;
    std::string name, state; // of channels
    std::string address;     // guestfwd
    std::string model;       // <model name=''/> of serials
};
struct ChardevLog {
    std::string file;
    OnOff append{};
};

struct Chardev {
    ChardevType type{};
    std::string tty;                    // of a live pty console
    std::vector<ChardevSource> sources; // two for udp: what is sent to, what is bound
    std::string protocol;               // tcp: raw, telnet ...
    ChardevLog log;
    ChardevTarget target;
    DeviceInfo info;
};
void describe(xml::Binder& b, ChardevSource& v);
void describe(xml::Binder& b, ChardevTarget& v);
void describe(xml::Binder& b, ChardevLog& v);
void describe(xml::Binder& b, Chardev& v);

} // namespace polyvirt::sdk::domain
