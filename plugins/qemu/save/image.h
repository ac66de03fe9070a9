// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A saved guest in a file: a header, its description, and then the emulator's own stream, perhaps compressed. The layout is the
// peer's (version 2), so that guests move between the two with their files. docs/qemu-save.md has it. Files come from
// strangers: every length is bounded before it costs memory. Workers.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

enum class Compression : std::uint32_t { none = 0, gzip = 1, bzip2 = 2, xz = 3, lzop = 4, zstd = 5 };
// Of a name in the configuration; empty is none. Error: operation_failed.
Result<Compression> compression_of(std::string_view name);
// The program's path; null for none.
const char* program_of(Compression compression);

struct ImageFacts {
    bool running = false; // when it was saved, or as it is to be
    Compression compression = Compression::none;
    std::string xml;      // the description, with passwords
    std::string cookie;   // what only an emulator's driver knows; kept as it was
};

inline constexpr std::size_t kImageHeader = 92;
inline constexpr std::uint32_t kImageBlock = 4096; // what we write has its stream begin with one
inline constexpr std::uint32_t kMaxImageText = std::uint32_t{64} << 20;

// Header and texts, padded so that a longer description may replace this one. `complete`: false while the rest is written.
std::string format_image_head(const ImageFacts& facts, bool complete, std::uint32_t room = 0);
struct ImageHead {
    ImageFacts facts;
    std::uint32_t room = 0;  // bytes for the texts
    bool complete = false;
    [[nodiscard]] std::uint64_t stream_at() const { return kImageHeader + room; }
};
// Of the file's first bytes, which may be cut: then the error says so. `header_only`: the texts are not there yet.
Result<ImageHead> parse_image_header(std::string_view bytes);
Status parse_image_texts(ImageHead& head, std::string_view bytes);

struct OpenImage {
    UniqueFd fd; // stands at the stream's first byte
    ImageHead head;
};
// Errors: system_error for what cannot be opened, operation_failed for what is no saved guest, or not all of one.
Result<OpenImage> open_saved(const std::string& path, bool writable = false);
// Replaces description and state in place. Error: operation_failed where there is no room.
Status rewrite_head(OpenImage& image);

// All of it, or why not.
Status write_all(int fd, std::string_view bytes, const std::string& path);
// Done: marks the file at `fd` complete and brings all of it to the disk.
Status complete_image(int fd, const std::string& path);
Status sync_folder(const std::string& path);

} // namespace polyvirt::qemu
