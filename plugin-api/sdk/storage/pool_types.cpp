// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The table of pool types, and what it serves: checks, defaults, the document of capabilities.
#include <algorithm>

#include "sdk/storage/pool.h"
#include "sdk/xml/writer.h"

namespace polyvirt::sdk::storage {
namespace {

constexpr std::string_view kFsFormats[] = {"auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs",
                                           "gfs2", "vfat", "hfs+", "xfs",  "ocfs2", "vmfs"};
constexpr std::string_view kNetfsFormats[] = {"auto", "nfs", "glusterfs", "cifs"};
constexpr std::string_view kLogicalFormats[] = {"unknown", "lvm2"};
constexpr std::string_view kDiskFormats[] = {"unknown", "dos", "dvh", "gpt",
                                             "mac",     "bsd", "pc98", "sun", "lvm2"};
constexpr std::string_view kFileVolumes[] = {"none", "raw",  "dir",  "bochs", "cloop", "dmg",   "iso",
                                             "vpc",  "vdi",  "fat",  "vhd",   "ploop", "cow",   "qcow",
                                             "qcow2", "qed", "vmdk", "luks"};
constexpr std::string_view kPartitions[] = {"none",       "linux",     "fat16",      "fat32",
                                            "linux-swap", "linux-lvm", "linux-raid", "extended"};

constexpr PoolTypeInfo kTypes[] = {
    {PoolType::dir, has_target, {}, nullptr, nullptr, kFileVolumes, "raw"},
    {PoolType::fs, need_device | has_target, kFsFormats, "auto", nullptr, kFileVolumes, "raw"},
    {PoolType::netfs, need_host | need_dir | has_target, kNetfsFormats, "auto", nullptr, kFileVolumes, "raw"},
    {PoolType::logical, need_name | has_target, kLogicalFormats, "lvm2", "/dev/", {}, nullptr},
    {PoolType::disk, need_device | has_target, kDiskFormats, "unknown", nullptr, kPartitions, "none"},
    {PoolType::iscsi, need_host | need_device | has_target, {}, nullptr, nullptr, {}, nullptr},
    {PoolType::iscsi_direct, need_host | need_device | need_initiator, {}, nullptr, nullptr, {}, nullptr},
    {PoolType::scsi, need_adapter | has_target, {}, nullptr, nullptr, {}, nullptr},
    {PoolType::mpath, has_target, {}, nullptr, "/dev/mapper", {}, nullptr},
    {PoolType::rbd, need_host | need_name, {}, nullptr, nullptr, kFileVolumes, "raw"},
    {PoolType::sheepdog, need_host | need_name, {}, nullptr, nullptr, kFileVolumes, "raw"},
    {PoolType::gluster, need_host | need_name, {}, nullptr, nullptr, kFileVolumes, "raw"},
    {PoolType::zfs, need_name | has_target, {}, nullptr, "/dev/zvol/", kFileVolumes, "raw"},
    {PoolType::vstorage, need_name | has_target, {}, nullptr, nullptr, kFileVolumes, "raw"},
};

void write_values(xml::Writer& w, const char* element, const char* name, xml::Names values) {
    w.open(element);
    w.attribute("name", name);
    for (const std::string_view v : values) {
        w.open("value");
        w.text(v);
        w.close();
    }
    w.close();
}

void write_options(xml::Writer& w, const char* element, const char* default_format, const char* name,
                   xml::Names values) {
    if (values.empty())
        return;
    w.open(element);
    if (default_format) {
        w.open("defaultFormat");
        w.attribute("type", default_format);
        w.close();
    }
    write_values(w, "enum", name, values);
    w.close();
}

} // namespace

const PoolTypeInfo& info_of(PoolType type) {
    const auto* it = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [type](const PoolTypeInfo& i) { return i.type == type; });
    return it == std::end(kTypes) ? kTypes[0] : *it;
}

std::string format_pool_capabilities(bool (*available)(PoolType type)) {
    xml::Writer w;
    w.open("storagepoolCapabilities");
    for (const PoolTypeInfo& info : kTypes) {
        w.open("pool");
        w.attribute("type", kPoolTypes[static_cast<std::size_t>(info.type)]);
        w.attribute("supported", available(info.type) ? "yes" : "no");
        write_options(w, "poolOptions", info.default_format, "sourceFormatType", info.formats);
        write_options(w, "volOptions", info.default_volume_format, "targetFormatType", info.volume_formats);
        w.close();
    }
    w.close();
    return w.take();
}

} // namespace polyvirt::sdk::storage
