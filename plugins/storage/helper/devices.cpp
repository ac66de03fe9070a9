// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Block devices as the kernel lists them (sysfs): multipath maps, and the disks behind an HBA.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error_text.h"
#include "helper.h"

namespace polyvirt::storage::helper {

namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

// What a device is like; its size is told in sectors of 512 bytes.
Facts device(const std::string& name, const std::string& path, const fs::path& block) {
    const std::string sectors = line_of(block / "size");
    const std::uint64_t size = (sectors.empty() ? 0 : std::stoull(sectors)) * 512;
    Facts v = {{"name", name}, {"path", path}, {"type", "block"}, {"capacity", size}, {"allocation", size}, {"physical", size}};
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0) add_permissions(v, st);
    return v;
}

Answer answer(std::vector<Facts> volumes) {
    std::uint64_t total = 0;
    for (const Facts& v : volumes) total += v.number("capacity");
    Answer out(Facts{{"capacity", total}, {"allocation", total}, {"available", 0}});
    out.volumes = std::move(volumes);
    return out;
}

// A name of the device that stays: among the links of `folder`, one that leads to it.
std::string stable_path(const std::string& folder, const std::string& name) {
    std::error_code error;
    std::string best;
    for (const fs::directory_entry& link : fs::directory_iterator(folder, error)) {
        if (fs::read_symlink(link.path(), error).filename() != name) continue;
        if (best.empty() || link.path().string() < best) best = link.path().string();
    }
    return best.empty() ? "/dev/" + name : best;
}

} // namespace

Result<Answer> multipath(const Facts&) {
    std::vector<Facts> volumes;
    std::error_code error;
    for (const fs::directory_entry& block : fs::directory_iterator("/sys/block", error)) {
        if (!line_of(block.path() / "dm/uuid").starts_with("mpath-")) continue;
        const std::string name = line_of(block.path() / "dm/name");
        volumes.push_back(device(name, "/dev/mapper/" + name, block.path()));
    }
    return answer(std::move(volumes));
}

Result<Answer> scsi(const Facts& in) {
    const std::string host = in.text("host"), target = in.text("path"); // "host0"
    const fs::path devices = "/sys/bus/scsi/devices";
    std::error_code error;
    if (host.empty() || !fs::exists(fs::path("/sys/class/scsi_host") / host, error))
        return make_error(ErrorCode::xml_error, ErrorDomain::storage, "Could not find SCSI host '{}'", host);
    const std::string prefix = host.substr(host.find_first_of("0123456789")) + ":";
    std::vector<Facts> volumes;
    for (const fs::directory_entry& entry : fs::directory_iterator(devices, error)) {
        const std::string address = entry.path().filename();
        if (!address.starts_with(prefix) || std::count(address.begin(), address.end(), ':') != 3) continue;
        std::error_code none;
        for (const fs::directory_entry& block : fs::directory_iterator(entry.path() / "block", none)) {
            const std::string unit = "unit:" + address.substr(address.find(':') + 1); // within the host
            volumes.push_back(device(unit, stable_path(target, block.path().filename()), block.path()));
        }
    }
    return answer(std::move(volumes));
}

} // namespace polyvirt::storage::helper
