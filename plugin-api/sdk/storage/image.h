// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an image file says of itself in its header: size, and the image below it. A small reader of its own, as the
// files belong to guests and strangers: every offset and length is bounded, nothing is written, nothing waits but for
// the disk, and no program is started for each file of each start. Workers only.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk::storage {

struct ImageHeader {
    std::string format;         // what was read, the probed one where none was given
    std::uint64_t capacity = 0; // bytes, as a guest sees it; 0: not known
    std::string backing;        // as it stands in the file: a path, perhaps relative, or json:..., or a URL; empty: none
    std::string backing_format; // empty: the file does not say
    std::string data_file;      // of qcow2 whose contents are elsewhere
    // Of qcow2 alone.
    std::string compat; // "0.10", "1.1"
    std::uint64_t cluster_size = 0;
    bool lazy_refcounts = false, extended_l2 = false;
    std::string encryption; // "default", "luks"; empty: none
};

// At most `length` bytes from `offset`, fewer at the file's end.
using ReadBytes = std::function<std::string(std::uint64_t offset, std::size_t length)>;

inline constexpr std::size_t kMaxBackingName = 1023; // as the formats themselves allow

// The format that the first bytes of a file look like; "raw" for everything unknown.
std::string_view probe_format(std::string_view head);
// `format` empty: probed. Errors say what of the header cannot be.
Result<ImageHeader> parse_header(std::string_view format, std::uint64_t file_size, const ReadBytes& read);

// An image that can be opened: what it says, how large it is. Never waits for the other end of a FIFO.
struct ImageFile {
    ImageHeader header;
    std::uint64_t size = 0;      // of file or device
    std::uint64_t allocated = 0; // on the file system
    std::uint64_t device = 0, inode = 0;
    bool regular = false;
};
// Errors: system_error with errno, config_unsupported for what is neither file nor block device.
Result<UniqueFd> open_image(const std::string& path);
Result<ImageFile> read_image(const std::string& path, std::string_view format);

} // namespace polyvirt::sdk::storage
