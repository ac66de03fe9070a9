// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The storage pool document. What a pool of a type needs in its <source> and <target>, and which
// formats there are, stands in one table (pool_types.cpp).

#include "sdk/storage/common.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::storage {

enum class PoolType : std::uint8_t {
    unset,
    dir,
    fs,
    netfs,
    logical,
    disk,
    iscsi,
    iscsi_direct,
    scsi,
    mpath,
    rbd,
    sheepdog,
    gluster,
    zfs,
    vstorage
};
inline constexpr std::string_view kPoolTypes[] = {
    "",     "dir",   "fs",  "netfs",    "logical", "disk", "iscsi",   "iscsi-direct",
    "scsi", "mpath", "rbd", "sheepdog", "gluster", "zfs",  "vstorage"};
constexpr xml::Names names_of(PoolType) {
    return kPoolTypes;
}

struct SourceHost {
    std::string name;
    Number port;
};
struct SourceDevice {
    std::string path;
    YesNo part_separator{};
    std::vector<Extent> free_extents;
};
enum class AdapterType : std::uint8_t { unset, scsi_host, fc_host };
inline constexpr std::string_view kAdapterTypes[] = {"", "scsi_host", "fc_host"};
constexpr xml::Names names_of(AdapterType) {
    return kAdapterTypes;
}
struct PciAddress {
    Number domain, bus, slot, function;
};
struct ParentAddress {
    Number unique_id;
    PciAddress address;
};
struct Adapter {
    AdapterType type{};
    std::string name, parent, parent_wwnn, parent_wwpn, parent_fabric_wwn, wwnn, wwpn;
    YesNo managed{};
    std::optional<ParentAddress> parent_address;
};
enum class AuthType : std::uint8_t { unset, chap, ceph };
inline constexpr std::string_view kAuthTypes[] = {"", "chap", "ceph"};
constexpr xml::Names names_of(AuthType) {
    return kAuthTypes;
}
struct Auth {
    AuthType type{};
    std::string username;
    std::optional<SecretRef> secret;
};
struct PoolSource {
    std::vector<SourceHost> hosts;
    std::vector<SourceDevice> devices;
    std::string dir, name, initiator, format, protocol_version, vendor, product;
    std::optional<Adapter> adapter;
    std::optional<Auth> auth;
};
struct PoolTarget {
    std::string path;
    std::optional<Permissions> permissions;
};
enum class RefreshAllocation : std::uint8_t { unset, default_, capacity };
inline constexpr std::string_view kRefreshAllocations[] = {"", "default", "capacity"};
constexpr xml::Names names_of(RefreshAllocation) {
    return kRefreshAllocations;
}
struct MountOption {
    std::string name;
};
struct ConfigOption {
    std::string name, value;
};
struct MountOptions {
    std::vector<MountOption> options;
};
struct ConfigOptions {
    std::vector<ConfigOption> options;
};

struct Pool {
    PoolType type{};
    std::string name;
    std::optional<Uuid> uuid;
    YesNo cow{}; // <features>
    xml::Size capacity, allocation, available; // bytes
    std::optional<PoolSource> source;
    std::optional<PoolTarget> target;
    RefreshAllocation refresh_allocation{};
    MountOptions mount_options;
    ConfigOptions config_options;
};

void describe(xml::Binder& b, SourceHost& v);
void describe(xml::Binder& b, SourceDevice& v);
void describe(xml::Binder& b, ParentAddress& v);
void describe(xml::Binder& b, Adapter& v);
void describe(xml::Binder& b, Auth& v);
void describe(xml::Binder& b, PoolSource& v);
void describe(xml::Binder& b, PoolTarget& v);
void describe(xml::Binder& b, MountOption& v);
void describe(xml::Binder& b, ConfigOption& v);
void describe(xml::Binder& b, MountOptions& v);
void describe(xml::Binder& b, ConfigOptions& v);
void describe(xml::Binder& b, Pool& v);

inline constexpr xml::Namespace kFsNamespace{"fs",
                                             "http://libvirt.org/schemas/storagepool/fs/1.0"};
inline constexpr xml::Namespace kRbdNamespace{"rbd",
                                              "http://libvirt.org/schemas/storagepool/rbd/1.0"};
inline constexpr xml::RootName kPoolRoot{"pool", "storage pool description", ErrorDomain::storage};
inline constexpr xml::RootName kSourceRoot{"source", "storage pool source", ErrorDomain::storage};

// What is particular to a type of pools.
struct PoolTypeInfo {
    PoolType type;
    unsigned needs;          // PoolNeed bits
    xml::Names formats;      // of the source; empty: it has none
    const char* default_format;
    const char* target_base; // the target is this and the source's name; null: given in the document
    xml::Names volume_formats;
    const char* default_volume_format;
};
enum PoolNeed : unsigned {
    need_host = 1,
    need_device = 2,
    need_dir = 4,
    need_adapter = 8,
    need_name = 16,    // of the source; the pool's own where it is not given
    need_initiator = 32,
    has_target = 64,
};
const PoolTypeInfo& info_of(PoolType type);

using ParsedPool = xml::ParsedRoot<Pool>;
// Read, completed and checked. Errors: xml_error, config_unsupported.
Result<ParsedPool> parse_pool(std::string_view text, const xml::Limits& limits = {});
Result<ParsedPool> parse_pool(const xml::Node& root);
Status complete_pool(Pool& v);
std::string format_pool(const Pool& v);

// A <source> alone, as searches for pools take it; only what is there is checked.
Result<PoolSource> parse_source(std::string_view text, PoolType type);
// <sources> with one <source> each.
std::string format_sources(const std::vector<PoolSource>& sources);
// What kinds of pools and formats there are; `available` says of which a driver makes pools.
std::string format_pool_capabilities(bool (*available)(PoolType type));

} // namespace polyvirt::sdk::storage
