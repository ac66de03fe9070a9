// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/firmware.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = 64 * 1024, kMaxFiles = 1000;

std::vector<std::string> texts(const Json& j, const char* key) {
    const auto list = j.find(key);
    return list != j.end() ? list->get<std::vector<std::string>>() : std::vector<std::string>();
}

// Throws what nlohmann throws for what is missing or of another type.
Firmware read_description(const Json& j) {
    Firmware f;
    f.interfaces = j.at("interface-types").get<std::vector<std::string>>();
    const Json& mapping = j.at("mapping");
    f.device = mapping.at("device").get<std::string>();
    if (f.device == "flash") {
        f.executable = mapping.at("executable").at("filename").get<std::string>();
        f.format = mapping.at("executable").value("format", "raw");
        if (const auto nvram = mapping.find("nvram-template"); nvram != mapping.end()) {
            f.nvram_template = nvram->at("filename").get<std::string>();
            f.nvram_format = nvram->value("format", "raw");
        }
    } else {
        f.executable = mapping.at("filename").get<std::string>();
    }
    for (const Json& target : j.at("targets"))
        f.targets.push_back({target.at("architecture").get<std::string>(), texts(target, "machines")});
    f.features = texts(j, "features");
    return f;
}

std::optional<Firmware> read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxFile + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
    if (text.empty()) return std::nullopt; // hides another
    try {
        if (text.size() > kMaxFile) throw std::length_error("longer than 64 KiB");
        Firmware f = read_description(Json::parse(text));
        f.source = path.string();
        return f;
    } catch (const std::exception& e) {
        log::warning("firmware", "{}: not a description of firmware: {}", path.string(), e.what());
        return std::nullopt;
    }
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

} // namespace

bool Firmware::suits(std::string_view arch, std::string_view machine) const {
    const std::string_view target_arch = arch == "i686" ? "i386" : arch;
    const std::string name(machine);
    return std::any_of(targets.begin(), targets.end(), [&](const Target& t) {
        return t.arch == target_arch && std::any_of(t.machines.begin(), t.machines.end(), [&](const std::string& pattern) {
                   return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
               });
    });
}
bool Firmware::has_interface(std::string_view name) const { return contains(interfaces, name); }
bool Firmware::has_feature(std::string_view name) const { return contains(features, name); }

std::vector<Firmware> read_firmware(const std::vector<std::string>& folders) {
    std::map<std::string, fs::path> files; // by name, the last one wins
    for (const std::string& folder : folders) {
        std::error_code ignored; // a folder that is not there announces nothing
        for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end && files.size() < kMaxFiles; it.increment(ignored)) {
            if (it->path().extension() == ".json") files[it->path().filename().string()] = it->path();
        }
    }
    std::vector<Firmware> found;
    for (const auto& [name, path] : files) {
        if (auto firmware = read_file(path)) found.push_back(std::move(*firmware));
    }
    return found;
}

} // namespace polyvirt::qemu
