// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The storage volume document.

#include "sdk/storage/pool.h"

namespace polyvirt::sdk::storage {

enum class VolumeType : std::uint8_t { unset, file, block, dir, network, netdir, ploop };
inline constexpr std::string_view kVolumeTypes[] = {"",        "file",   "block", "dir",
                                                    "network", "netdir", "ploop"};
constexpr xml::Names names_of(VolumeType) {
    return kVolumeTypes;
}

struct VolumeSourceDevice {
    std::string path;
    std::vector<Extent> extents;
};
struct VolumeSource {
    std::vector<VolumeSourceDevice> devices;
};
struct Timestamps {
    std::string atime, mtime, ctime, btime; // seconds.nanoseconds
};
struct VolumeFeatures {
    bool lazy_refcounts = false, extended_l2 = false;
};
struct VolumeTarget {
    std::string path, format;
    std::optional<Permissions> permissions;
    Timestamps timestamps;
    std::optional<Encryption> encryption;
    std::string compat; // "0.10", "1.1"
    bool nocow = false;
    xml::Size cluster_size; // bytes
    std::optional<VolumeFeatures> features;
};
struct BackingStore {
    std::string path, format;
    std::optional<Permissions> permissions;
    Timestamps timestamps;
};
struct Volume {
    VolumeType type{};
    std::string name, key;
    VolumeSource source;
    xml::Size capacity, allocation, physical; // bytes
    VolumeTarget target;
    std::optional<BackingStore> backing_store;
};

void describe(xml::Binder& b, VolumeSourceDevice& v);
void describe(xml::Binder& b, VolumeSource& v);
void describe(xml::Binder& b, Timestamps& v);
void describe(xml::Binder& b, VolumeFeatures& v);
void describe(xml::Binder& b, VolumeTarget& v);
void describe(xml::Binder& b, BackingStore& v);
void describe(xml::Binder& b, Volume& v);

inline constexpr xml::RootName kVolumeRoot{"volume", "storage volume description",
                                           ErrorDomain::storage};
using ParsedVolume = xml::ParsedRoot<Volume>;

struct VolumeOptions {
    bool capacity_optional = false; // another volume gives it
    xml::Limits limits{};
};
// Read, completed for a pool of that type and checked. Errors: xml_error, invalid_arg (a unit),
// config_unsupported (a format), operation_invalid (a name).
Result<ParsedVolume> parse_volume(std::string_view text, PoolType pool, const VolumeOptions& options = {});
Result<ParsedVolume> parse_volume(const xml::Node& root, PoolType pool, const VolumeOptions& options = {});
std::string format_volume(const Volume& v);

} // namespace polyvirt::sdk::storage
