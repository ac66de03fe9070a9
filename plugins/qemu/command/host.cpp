// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "command/host.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/statfs.h>
#include <unistd.h>

#include "hostdev/scsi.h"

namespace polyvirt::qemu {
namespace {

namespace fs = std::filesystem;

// The page size is what the file system says of itself.
std::vector<HostResources::HugePages> huge_pages() {
    std::vector<HostResources::HugePages> out;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device, mount, type;
        words >> device >> mount >> type;
        struct statfs of {};
        if (type == "hugetlbfs" && ::statfs(mount.c_str(), &of) == 0)
            out.push_back({mount, static_cast<std::uint64_t>(of.f_bsize) / 1024});
    }
    return out;
}

// Names of a folder that begin with `stem`, sorted.
std::vector<std::string> entries(const char* folder, std::string_view stem) {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::string name = it->path().filename().string();
        if (name.starts_with(stem)) out.push_back(std::move(name));
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::uint32_t> nodes() {
    std::vector<std::uint32_t> out;
    for (const std::string& name : entries("/sys/devices/system/node", "node")) {
        std::uint32_t n = 0;
        const char* end = name.data() + name.size();
        const auto [stop, error] = std::from_chars(name.data() + 4, end, n);
        if (error == std::errc{} && stop == end) out.push_back(n);
    }
    if (out.empty()) out.push_back(0); // a kernel without NUMA has one
    return out;
}

} // namespace

HostResources host_resources() {
    HostResources r;
    r.huge_pages = huge_pages();
    r.nodes = nodes();
    for (const std::string& name : entries("/dev/dri", "renderD")) r.render_nodes.push_back("/dev/dri/" + name);
    r.numad = ::access("/usr/bin/numad", X_OK) == 0;
    r.exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
    r.scsi_node = [](const sdk::domain::Hostdev& device) { return scsi_node(Sysfs(), device); };
    return r;
}

} // namespace polyvirt::qemu
