// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

struct Protocol {
    std::string_view name, port;
};
constexpr Protocol kPorts[] = {{"nbd", "10809"},  {"sheepdog", "7000"}, {"gluster", "24007"}, {"iscsi", "3260"}, {"http", "80"},
                               {"https", "443"},  {"ftp", "21"},        {"ftps", "990"},      {"tftp", "69"},    {"ssh", "22"},
                               {"vxhs", "9999"}};

void complete(Encryption& e) {
    if (e.engine.empty() && (e.format == "luks" || e.format == "luks2"))
        e.engine = e.format == "luks" ? "qemu" : "librbd";
}

void complete(DiskSource& s) {
    for (DiskHost& host : s.hosts) {
        if (host.transport == "tcp")
            host.transport.clear();
        if (!host.transport.empty() && host.transport != "rdma")
            continue;
        for (const Protocol& p : kPorts) {
            if (host.port.empty() && s.protocol == p.name)
                host.port = p.port;
        }
    }
    // The first logical unit of a target that names none.
    if (s.protocol == "iscsi" && !s.name.empty() && s.name.find('/') == std::string::npos)
        s.name += "/0";
    if (s.encryption)
        complete(*s.encryption);
}

} // namespace

void default_sources(Domain& d) {
    for (Disk& disk : d.devices.disks) {
        if (disk.source)
            complete(*disk.source);
        if (disk.encryption)
            complete(*disk.encryption);
        for (auto* backing = &disk.backing; !backing->empty(); backing = &backing->front().next) {
            if (backing->front().source)
                complete(*backing->front().source);
        }
    }
    for (Interface& i : d.devices.interfaces) {
        if (i.type == InterfaceType::direct && i.source.mode.empty())
            i.source.mode = "vepa";
    }
}

} // namespace polyvirt::sdk::domain
