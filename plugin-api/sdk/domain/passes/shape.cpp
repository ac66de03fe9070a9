// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What makes a document none of its kind though every part of it can be read: asked under the VALIDATE flags alone, as
// documents that were accepted for years have it.
#include <algorithm>
#include <string_view>

#include "sdk/domain/passes.h"
#include "sdk/xml/messages.h"

namespace polyvirt::sdk::domain {
namespace {

struct ShapeRule {
    std::string_view what; // what the document has, or lacks
    bool (*broken)(const Domain& d);
};

bool network_disk_without_source(const Domain& d) {
    return std::any_of(d.devices.disks.begin(), d.devices.disks.end(),
                       [](const Disk& disk) { return disk.type == DiskType::network && !disk.source; });
}
bool mediated_device_without_uuid(const Domain& d) {
    return std::any_of(d.devices.hostdevs.begin(), d.devices.hostdevs.end(), [](const Hostdev& h) {
        return h.type == "mdev" && (!h.source.address || h.source.address->uuid.empty());
    });
}
bool listen_without_network(const Domain& d) {
    return std::any_of(d.devices.graphics.begin(), d.devices.graphics.end(), [](const Graphics& g) {
        return std::any_of(g.listens.begin(), g.listens.end(),
                           [](const GraphicsListen& l) { return l.type == ListenType::network && l.network.empty(); });
    });
}
bool automatic_nodes_named(const Domain& d) {
    return d.numatune && d.numatune->memory && d.numatune->memory->placement == "auto" && !d.numatune->memory->nodeset.empty();
}

constexpr ShapeRule kShapeRules[] = {
    {"a <disk type='network'> has no <source>", network_disk_without_source},
    {"the <address> of a <hostdev type='mdev'> has no 'uuid'", mediated_device_without_uuid},
    {"a <listen type='network'> has no 'network'", listen_without_network},
    {"<numatune> has <memory placement='auto'> and a 'nodeset'", automatic_nodes_named},
};

} // namespace

Status validate_shape(const Domain& domain) {
    for (const ShapeRule& rule : kShapeRules)
        if (rule.broken(domain)) return xml::not_valid(std::string(rule.what));
    return {};
}

} // namespace polyvirt::sdk::domain
