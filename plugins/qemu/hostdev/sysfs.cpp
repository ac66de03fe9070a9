// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/sysfs.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <unistd.h>

#include "base/error_text.h"
#include "cgroup/files.h"

namespace polyvirt::qemu {

namespace fs = std::filesystem;

bool Sysfs::exists(const std::string& path) const { return ::access(at(path).c_str(), F_OK) == 0; }

std::string Sysfs::text(const std::string& path) const {
    auto text = read_file(at(path));
    return text ? *std::move(text) : std::string();
}

std::optional<std::uint32_t> Sysfs::number(const std::string& path, int base) const {
    const std::string line = text(path);
    const char* const begin = line.data() + (base == 16 && line.starts_with("0x") ? 2 : 0);
    std::uint32_t number = 0;
    const auto [stop, error] = std::from_chars(begin, line.data() + line.size(), number, base);
    if (error != std::errc() || stop != line.data() + line.size()) return std::nullopt;
    return number;
}

Result<std::vector<std::string>> Sysfs::names(const std::string& folder) const {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator it(at(folder), error), end; !error && it != end; it.increment(error))
        out.push_back(it->path().filename().string());
    if (error) return make_system_error(error.value(), ErrorDomain::none, fmt::format("cannot open directory '{}'", folder));
    std::sort(out.begin(), out.end());
    return out;
}

std::string Sysfs::target(const std::string& link) const {
    std::error_code error;
    return fs::read_symlink(at(link), error).filename().string();
}

Status Sysfs::write(const std::string& path, std::string_view value) const { return write_file(at(path), value); }

} // namespace polyvirt::qemu
