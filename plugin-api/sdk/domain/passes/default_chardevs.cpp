// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <set>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

void number_ports(std::vector<Chardev>& list) {
    std::set<std::uint32_t> taken;
    for (const Chardev& c : list) {
        if (c.target.port)
            taken.insert(*c.target.port);
    }
    std::uint32_t next = 0;
    for (Chardev& c : list) {
        if (c.target.port)
            continue;
        while (taken.contains(next))
            next++;
        taken.insert(next);
        c.target.port = next;
    }
}

bool serial_console(const Chardev& c) {
    return c.target.type.empty() || c.target.type == "serial";
}

// The guest's first console is its first serial line, unless it asks for another kind.
void pair_console(Domain& d) {
    auto& consoles = d.devices.consoles;
    auto& serials = d.devices.serials;
    if (d.os.type.type != "hvm")
        return;
    if (!consoles.empty() && serial_console(consoles[0]) && serials.empty()) {
        Chardev serial = consoles[0];
        serial.target = {};
        serials.push_back(std::move(serial));
    }
    if (serials.empty())
        return;
    const std::string& kind = serials[0].target.type;
    if (!kind.empty() && kind != "isa-serial")
        return; // not where a firmware writes
    if (consoles.empty() || !serial_console(consoles[0]))
        consoles.emplace(consoles.begin())->target.port = serials[0].target.port;
    Chardev& console = consoles[0];
    const Alias alias = console.info.alias;
    const ChardevTarget target = console.target;
    console = serials[0];
    console.target = target;
    console.target.type = "serial";
    console.target.model.clear();
    if (!alias.name.empty())
        console.info.alias = alias;
}

void default_source(Chardev& c) {
    if (c.type == ChardevType::unset)
        c.type = ChardevType::pty;
    for (ChardevSource& s : c.sources) {
        if (c.type == ChardevType::tcp && s.mode.empty())
            s.mode = "connect";
    }
    if (c.type != ChardevType::tcp)
        c.protocol.clear();
    else if (c.protocol.empty())
        c.protocol = "raw";
}

} // namespace

void default_chardevs(Domain& d) {
    auto& v = d.devices;
    for (auto* list : {&v.serials, &v.parallels, &v.consoles, &v.channels})
        std::for_each(list->begin(), list->end(), default_source);
    number_ports(v.serials);
    pair_console(d);
    for (Chardev& s : v.serials) {
        if (s.target.type.empty() && is_x86(d)) {
            const bool usb = s.info.address && s.info.address->type == AddressType::usb;
            const bool pci = s.info.address && s.info.address->type == AddressType::pci;
            s.target.type = usb ? "usb-serial" : pci ? "pci-serial" : "isa-serial";
        }
        if (s.target.model.empty())
            s.target.model = s.target.type;
    }
    for (Chardev& c : v.consoles) {
        if (c.target.type.empty())
            c.target.type = "serial";
    }
    for (auto* list : {&v.serials, &v.parallels, &v.consoles, &v.channels}) {
        for (Chardev& c : *list) {
            if (c.type != ChardevType::tcp)
                c.protocol.clear();
        }
    }
    number_ports(v.serials);
    number_ports(v.parallels);
    number_ports(v.consoles);
    for (std::size_t i = 1; i < v.consoles.size(); i++) // the first may stand for a line, and has its port
        v.consoles[i].target.port = static_cast<std::uint32_t>(i);
    for (Chardev& c : v.channels) {
        // Where the daemon binds a socket of its own, its path is found when the guest starts.
        std::erase_if(c.sources, [&](const ChardevSource& s) {
            return c.type == ChardevType::unix_ && s.path.empty() && s.labels.empty() && !s.reconnect;
        });
    }
}

} // namespace polyvirt::sdk::domain
