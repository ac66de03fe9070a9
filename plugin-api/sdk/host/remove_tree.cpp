// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/host/remove_tree.h"

#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace polyvirt::sdk {
namespace {

constexpr int kMaxDepth = 16; // what an emulator makes is flat

void empty(int folder, int depth) {
    DIR* const dir = ::fdopendir(folder);
    if (dir == nullptr) {
        ::close(folder);
        return;
    }
    while (const dirent* entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        const char* const name = entry->d_name;
        if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
        if (::unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM) || depth == kMaxDepth) continue;
        const int below = ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0) empty(below, depth + 1);
        ::unlinkat(folder, name, AT_REMOVEDIR);
    }
    ::closedir(dir);
}

} // namespace

int remove_tree(const std::string& path) {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) empty(folder, 0);
    return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

} // namespace polyvirt::sdk
