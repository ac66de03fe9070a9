// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sources of disks as the emulator's block layer takes them.

#include <string>

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

// The node of an image's storage, without what a caller adds to it. `who` is for messages.
Result<Options> storage(const std::string& who, const Image& image, bool floppy);

// The -blockdev nodes of a disk, deepest image first. `number` counts nodes of the whole domain and is left at
// the last one used. Returns the name of the node that the device opens.
Result<std::string> add_blockdevs(Builder& b, const sdk::domain::Disk& disk, std::size_t& number);

// The guest's own helper for persistent reservations, if a disk wants it.
void add_own_helper(Builder& b);

// "example.org" for IPv4 and names, "[::1]" for IPv6.
std::string in_url(const std::string& host);

} // namespace polyvirt::qemu
