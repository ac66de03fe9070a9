// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/interop.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "base/result.h"

namespace polyvirt::qemu {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostBytes = 1 << 20;
constexpr std::size_t kMostFiles = 1024;

Result<std::string> read_descriptor(const fs::path& path) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) return make_error(ErrorCode::system_error, ErrorDomain::qemu, "{}", error.message());
    if (size > kMostBytes)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "it has {} bytes, at most {} are read", size, kMostBytes);
    std::ifstream in(path, std::ios::binary);
    std::string text(static_cast<std::size_t>(size), '\0');
    in.read(text.data(), static_cast<std::streamsize>(size));
    if (!in) return make_error(ErrorCode::system_error, ErrorDomain::qemu, "it cannot be read");
    return text;
}

// The file of each name that counts.
std::map<std::string, fs::path> files_of(const std::vector<std::string>& folders) {
    std::map<std::string, fs::path> files;
    for (const std::string& folder : folders) {
        std::error_code error;
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
            if (it->path().extension() == ".json" && files.size() < kMostFiles)
                files[it->path().filename().string()] = it->path();
        }
    }
    return files;
}

} // namespace

std::vector<std::string> interop_folders(const std::string& kind) { return {"/usr/share/qemu/" + kind, "/etc/qemu/" + kind}; }

std::vector<InteropFile> read_interop(const std::vector<std::string>& folders) {
    std::vector<InteropFile> all;
    for (const auto& [name, path] : files_of(folders)) {
        auto text = read_descriptor(path);
        if (!text) log::warning("interop", "'{}' is left out: {}", path.string(), text.error().message);
        else if (!text->empty()) all.push_back({path.string(), *std::move(text)});
    }
    return all;
}

} // namespace polyvirt::qemu
