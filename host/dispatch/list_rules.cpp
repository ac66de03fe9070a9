// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/list_rules.h"

#include <algorithm>

#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {
namespace {

using namespace protocol; // the wire's constants, which fill this file

constexpr std::uint64_t state(int number) { return 1ULL << number; }
constexpr std::uint64_t kNamedStates = state(VIR_DOMAIN_RUNNING) | state(VIR_DOMAIN_PAUSED) | state(VIR_DOMAIN_SHUTOFF);

constexpr ListRule kDomains[] = {
    {.flag = VIR_CONNECT_LIST_DOMAINS_ACTIVE, .group = 0, .set = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_DOMAINS_INACTIVE, .group = 0, .clear = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_DOMAINS_PERSISTENT, .group = 1, .set = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_DOMAINS_TRANSIENT, .group = 1, .clear = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_DOMAINS_RUNNING, .group = 2, .states = state(VIR_DOMAIN_RUNNING)},
    {.flag = VIR_CONNECT_LIST_DOMAINS_PAUSED, .group = 2, .states = state(VIR_DOMAIN_PAUSED)},
    {.flag = VIR_CONNECT_LIST_DOMAINS_SHUTOFF, .group = 2, .states = state(VIR_DOMAIN_SHUTOFF)},
    {.flag = VIR_CONNECT_LIST_DOMAINS_OTHER, .group = 2, .states = ~kNamedStates},
    {.flag = VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, .group = 3, .set = PV_ATTR_DOM_MANAGED_SAVE},
    {.flag = VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE, .group = 3, .clear = PV_ATTR_DOM_MANAGED_SAVE},
    {.flag = VIR_CONNECT_LIST_DOMAINS_AUTOSTART, .group = 4, .set = PV_ATTR_AUTOSTART},
    {.flag = VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART, .group = 4, .clear = PV_ATTR_AUTOSTART},
    {.flag = VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, .group = 5, .set = PV_ATTR_DOM_HAS_SNAPSHOT},
    {.flag = VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT, .group = 5, .clear = PV_ATTR_DOM_HAS_SNAPSHOT},
    {.flag = VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, .group = 6, .set = PV_ATTR_DOM_HAS_CHECKPOINT},
    {.flag = VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT, .group = 6, .clear = PV_ATTR_DOM_HAS_CHECKPOINT},
};

constexpr ListRule kNetworks[] = {
    {.flag = VIR_CONNECT_LIST_NETWORKS_ACTIVE, .group = 0, .set = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_NETWORKS_INACTIVE, .group = 0, .clear = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_NETWORKS_PERSISTENT, .group = 1, .set = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_NETWORKS_TRANSIENT, .group = 1, .clear = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_NETWORKS_AUTOSTART, .group = 2, .set = PV_ATTR_AUTOSTART},
    {.flag = VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART, .group = 2, .clear = PV_ATTR_AUTOSTART},
};

constexpr ListRule kInterfaces[] = {
    {.flag = VIR_CONNECT_LIST_INTERFACES_ACTIVE, .group = 0, .set = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_INTERFACES_INACTIVE, .group = 0, .clear = PV_ATTR_ACTIVE},
};

constexpr ListRule pool_type(std::uint32_t flag, const char* type) {
    return {.flag = flag, .group = 3, .key = "type", .value = type};
}
constexpr ListRule kPools[] = {
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE, .group = 0, .set = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE, .group = 0, .clear = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT, .group = 1, .set = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT, .group = 1, .clear = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART, .group = 2, .set = PV_ATTR_AUTOSTART},
    {.flag = VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART, .group = 2, .clear = PV_ATTR_AUTOSTART},
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_DIR, "dir"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_FS, "fs"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_NETFS, "netfs"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_LOGICAL, "logical"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_DISK, "disk"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI, "iscsi"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_SCSI, "scsi"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_MPATH, "mpath"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_RBD, "rbd"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_SHEEPDOG, "sheepdog"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_GLUSTER, "gluster"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_ZFS, "zfs"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_VSTORAGE, "vstorage"),
    pool_type(VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI_DIRECT, "iscsi-direct"),
};

constexpr ListRule device_cap(std::uint32_t flag, const char* cap) {
    return {.flag = flag, .group = 2, .key = "cap", .value = cap};
}
constexpr ListRule kDevices[] = {
    {.flag = VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE, .group = 0, .set = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE, .group = 0, .clear = PV_ATTR_ACTIVE},
    {.flag = VIR_CONNECT_LIST_NODE_DEVICES_PERSISTENT, .group = 1, .set = PV_ATTR_PERSISTENT},
    {.flag = VIR_CONNECT_LIST_NODE_DEVICES_TRANSIENT, .group = 1, .clear = PV_ATTR_PERSISTENT},
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM, "system"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV, "pci"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV, "usb_device"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_INTERFACE, "usb"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET, "net"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST, "scsi_host"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_TARGET, "scsi_target"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI, "scsi"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_STORAGE, "storage"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST, "fc_host"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPORTS, "vports"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_GENERIC, "scsi_generic"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_DRM, "drm"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV_TYPES, "mdev_types"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV, "mdev"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCW_DEV, "ccw"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_CSS_DEV, "css"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_VDPA, "vdpa"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_CARD, "ap_card"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_QUEUE, "ap_queue"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_MATRIX, "ap_matrix"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPD, "vpd"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCWGROUP_DEV, "ccwgroup"),
    device_cap(VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCWGROUP_MEMBER, "ccwgroup_member"),
};

constexpr ListRule kSecrets[] = {
    {.flag = VIR_CONNECT_LIST_SECRETS_EPHEMERAL, .group = 0, .set = PV_ATTR_SECRET_EPHEMERAL},
    {.flag = VIR_CONNECT_LIST_SECRETS_NO_EPHEMERAL, .group = 0, .clear = PV_ATTR_SECRET_EPHEMERAL},
    {.flag = VIR_CONNECT_LIST_SECRETS_PRIVATE, .group = 1, .set = PV_ATTR_SECRET_PRIVATE},
    {.flag = VIR_CONNECT_LIST_SECRETS_NO_PRIVATE, .group = 1, .clear = PV_ATTR_SECRET_PRIVATE},
};

constexpr ListRule kSnapshots[] = {
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_METADATA, .group = 0, .set = PV_ATTR_SNAP_METADATA},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_NO_METADATA, .group = 0, .clear = PV_ATTR_SNAP_METADATA},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE, .group = 1, .clear = PV_ATTR_SNAP_RUNNING | PV_ATTR_SNAP_DISK_ONLY},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE, .group = 1, .set = PV_ATTR_SNAP_RUNNING, .clear = PV_ATTR_SNAP_DISK_ONLY},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY, .group = 1, .set = PV_ATTR_SNAP_DISK_ONLY},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL, .group = 2, .clear = PV_ATTR_SNAP_EXTERNAL},
    {.flag = VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL, .group = 2, .set = PV_ATTR_SNAP_EXTERNAL},
};

bool wanted(const plugin::ObjectRef& object, const ListRule& rule) {
    if ((object.attrs & rule.set) != rule.set || (object.attrs & rule.clear) != 0) return false;
    if (rule.states != 0) {
        const std::int32_t number = object.state < 0 || object.state > 63 ? 63 : object.state;
        if ((rule.states >> number & 1U) == 0) return false;
    }
    return rule.key == nullptr || has_key(object, rule.key, rule.value);
}

} // namespace

std::span<const ListRule> list_rules(std::uint32_t kind) {
    switch (kind) {
    case PV_KIND_DOMAIN: return kDomains;
    case PV_KIND_NETWORK: return kNetworks;
    case PV_KIND_INTERFACE: return kInterfaces;
    case PV_KIND_POOL: return kPools;
    case PV_KIND_NODEDEV: return kDevices;
    case PV_KIND_SECRET: return kSecrets;
    case PV_KIND_SNAPSHOT: return kSnapshots;
    default: return {};
    }
}

std::uint32_t known_flags(std::span<const ListRule> rules) {
    std::uint32_t known = 0;
    for (const ListRule& rule : rules) known |= rule.flag;
    return known;
}

bool passes(const plugin::ObjectRef& object, std::span<const ListRule> rules, std::uint32_t flags) {
    std::uint32_t asked = 0, met = 0; // a bit per group
    for (const ListRule& rule : rules) {
        const std::uint32_t group = 1U << rule.group;
        if ((flags & rule.flag) == 0 || (met & group) != 0) continue;
        asked |= group;
        if (wanted(object, rule)) met |= group;
    }
    return met == asked;
}

std::string_view key_of(const plugin::ObjectRef& object, std::string_view name) {
    const auto found = std::find_if(object.keys.begin(), object.keys.end(), [&](const auto& k) { return k.first == name; });
    return found != object.keys.end() ? std::string_view(found->second) : std::string_view();
}

bool has_key(const plugin::ObjectRef& object, std::string_view name, std::string_view value) {
    return std::any_of(object.keys.begin(), object.keys.end(),
                       [&](const auto& k) { return k.first == name && k.second == value; });
}

} // namespace polyvirt::dispatch
