// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sources of disks as the emulator's block layer takes them.

#include <string>

#include "block/chain.h"
#include "command/builder.h"

namespace polyvirt::qemu {

// One image: where it is, what format it has. Borrowed from the domain.
struct Image {
    sdk::domain::DiskType type{};
    const sdk::domain::DiskSource* source = nullptr;
    std::string format;
    const sdk::domain::DiskAuth* auth = nullptr;
    const sdk::domain::Encryption* encryption = nullptr;
};

// Whether there is something to open.
bool has_source(sdk::domain::DiskType type, const sdk::domain::DiskSource* source);

// The emulator's number for a group of descriptors that a client has associated with the guest (<source fdgroup=>).
std::uint32_t fdset_of(std::string_view group);

// The node of an image's storage, without what a caller adds to it. `who` is for messages.
Result<Options> storage(const std::string& who, const Image& image, bool floppy);

// The two nodes of one image of a disk, as -blockdev and blockdev-add take them.
struct ImageNodes {
    Options storage, format;
};
struct NodePlace {
    bool top = false;         // the disk's own image
    std::string below;        // node of the image below it
    bool ended = false;       // known to have none
    std::string reservations; // id of the object that makes them
    std::string tls{};        // id of the credentials for it
};
// `link` has its number. Errors: config_unsupported.
Result<ImageNodes> image_nodes(const sdk::domain::Disk& disk, const Link& link, const NodePlace& place);
// The filter above a disk's images that copies what is read; its name is empty where the disk has none.
std::string copy_on_read_node(const sdk::domain::Disk& disk);
Options copy_on_read(const sdk::domain::Disk& disk, const std::string& below);

// The -blockdev nodes of a disk whose images have numbers, deepest image first. Returns the name of the node that
// the device opens.
Result<std::string> add_blockdevs(Builder& b, const sdk::domain::Disk& disk);

// The node that a disk's device opens.
std::string top_node(const sdk::domain::Disk& disk);

// The guest's own helper for persistent reservations, if a disk wants it.
void add_own_helper(Builder& b);

// "example.org" for IPv4 and names, "[::1]" for IPv6.
std::string in_url(const std::string& host);

} // namespace polyvirt::qemu
