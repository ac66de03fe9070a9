// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Chains of images: a disk's own image, the one below it, and so on. As values, which jobs cut and join; in the
// document they are <source>, <backingStore> and <mirror>. Each image of a running guest has a number, which the
// document shows as index='N', and two nodes in the emulator's block layer: libvirt-N-format and libvirt-N-storage.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/domain/domain.h"
#include "sdk/storage/image.h"

namespace polyvirt::qemu {

using sdk::storage::ImageFile;
using sdk::storage::open_image;
using sdk::storage::read_image;

struct Link {
    sdk::domain::DiskType type{};
    sdk::domain::DiskSource source; // with its number, source.index
    std::string format;             // "raw" ...
    sdk::xml::Size metadata_cache;

    [[nodiscard]] std::uint32_t number() const { return source.index.value_or(0); }
    // The file or device; empty: it is elsewhere.
    [[nodiscard]] const std::string& path() const;
};
struct Chain {
    std::vector<Link> links; // the disk's own first; none: an empty drive
    bool ended = false;      // known that nothing is below the last one
    // Whether there is an image below links[i].
    [[nodiscard]] bool backed(std::size_t i) const { return i + 1 < links.size(); }
    [[nodiscard]] const Link* by_number(std::uint32_t number) const;
};

Chain chain_of(const sdk::domain::Disk& disk);
// The disk then has exactly these images; what of its driver, its secrets or its target is about the disk stays.
void set_chain(sdk::domain::Disk& disk, const Chain& chain);
// What is below a disk's own image, as <backingStore>.
std::vector<sdk::domain::BackingStore> backing_of(const Chain& chain, std::size_t from = 1);

Chain mirror_chain(const sdk::domain::Mirror& mirror);
sdk::domain::Mirror mirror_of(const Chain& chain, std::string job);

// --- names of nodes ---

inline std::string format_node(std::uint32_t number) { return "libvirt-" + std::to_string(number) + "-format"; }
inline std::string storage_node(std::uint32_t number) { return "libvirt-" + std::to_string(number) + "-storage"; }
// Of either kind of name; 0: it is none of ours.
std::uint32_t number_of_node(std::string_view name);
// The disk, its mirror included, that has an image of that number; null: none.
const sdk::domain::Disk* disk_of_number(const sdk::domain::Domain& domain, std::uint32_t number);

// Numbers every image that has no number yet, from the last disk to the first, each disk's own image before those
// below it; an empty drive uses one up. Returns the first number that is free.
std::uint32_t number_images(std::vector<sdk::domain::Disk>& disks, std::uint32_t first = 1);

// --- what is below, as the files say ---

inline constexpr std::size_t kMaxDepth = 200;

using ImageReader = std::function<Result<ImageFile>(const std::string& path, std::string_view format)>;
// Reads on from the last link until the chain has ended. The format of a disk's own image is never guessed: a guest
// that writes a header into a raw disk must not choose what the emulator opens next. Worker: it waits for the disk.
// Errors: a file that cannot be opened, by name and by the image that refers to it; a loop; kMaxDepth.
Status complete_chain(Chain& chain, const ImageReader& read = read_image);
// All disks of a domain that starts, in place. Nothing is asked of those whose document says where the chain ends but
// whether the files are there.
Status complete_chains(sdk::domain::Domain& domain, const ImageReader& read = read_image);

// Where a name that stands in a file of that path leads: relative ones are beside it.
struct BackingRef {
    sdk::domain::DiskType type{};
    sdk::domain::DiskSource source;
    std::string format; // of json: names; else empty
};
Result<BackingRef> parse_backing_name(const std::string& name, const std::string& above);
// The reverse: what a file is told of the image below it.
Result<std::string> backing_name(const Link& link);

} // namespace polyvirt::qemu
