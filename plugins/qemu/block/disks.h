// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Disks of a domain as calls name them, and as the emulator does.

#include <string>
#include <string_view>

#include "base/result.h"
#include "block/chain.h"
#include "block/sample.h"
#include "sdk/params.h"

namespace polyvirt::qemu {

// By target ("vda") or by the path of its own image; null: none.
const sdk::domain::Disk* find_disk(const sdk::domain::Domain& domain, std::string_view name);
sdk::domain::Disk* find_disk(sdk::domain::Domain& domain, std::string_view name);
// The same, or the error that most calls have.
Result<const sdk::domain::Disk*> need_disk(const sdk::domain::Domain& domain, std::string_view name);

// "vda" or "vda[3]": the target, and the number of one of its images, 0: its own. Error: invalid_arg.
struct ImageName {
    std::string target;
    std::uint32_t number = 0;
};
Result<ImageName> parse_image_name(std::string_view text);

// What block_set_io_throttle and its kin call the device: the object that has the disk's queue.
std::string device_path(const sdk::domain::Disk& disk);

// What of its figures an image has to say; the path of what is elsewhere is empty.
std::string source_path(const sdk::domain::Disk& disk);

// The block group of getAllDomainStats, as the peer writes it: block.count, block.N.name ... `sample` null: of a
// guest that does not run (then the files are read: worker), or one that has none yet. `backing`: every image of the
// chains.
void put_block_stats(const sdk::ParamWriter& to, const sdk::domain::Domain& domain, const BlockSample* sample, bool active, bool backing);

} // namespace polyvirt::qemu
