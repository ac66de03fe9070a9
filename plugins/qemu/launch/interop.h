// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Descriptors of what on this host works with QEMU (docs/interop of QEMU): JSON files, a kind of thing to a folder. Any
// thread that may read files.

#include <string>
#include <vector>

namespace polyvirt::qemu {

struct InteropFile {
    std::string path, text;
};

// The folders of a kind ("firmware", "vhost-user"): the distribution's, then the administrator's.
std::vector<std::string> interop_folders(const std::string& kind);

// Of all folders, in the order in which they are tried: by file name, and of one name that of the last folder alone, where
// an empty file hides it. A file that cannot be read is named in the log and left out.
std::vector<InteropFile> read_interop(const std::vector<std::string>& folders);

} // namespace polyvirt::qemu
