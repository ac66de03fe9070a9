// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "firmware/descriptors.h"

#include <algorithm>

#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "base/log.h"
#include "launch/interop.h"
#include "monitor/json.h"

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;

std::vector<std::string> texts_at(const Json& object, const char* key) {
    std::vector<std::string> out;
    const Json& list = member(object, key);
    for (const Json& entry : list.is_array() ? list : Json::array()) {
        if (entry.is_string()) out.push_back(entry.get<std::string>());
    }
    return out;
}

Descriptor::File file_at(const Json& object, const char* key) {
    const Json& file = member(object, key);
    return {text_of(file, "filename"), text_of(file, "format")};
}

} // namespace

bool Descriptor::runs_on(std::string_view arch, const std::string& machine) const {
    return std::any_of(targets.begin(), targets.end(), [&](const Target& t) {
        return t.arch == arch && std::any_of(t.machines.begin(), t.machines.end(), [&](const std::string& pattern) {
                   return ::fnmatch(pattern.c_str(), machine.c_str(), 0) == 0;
               });
    });
}

Result<Descriptor> parse_descriptor(std::string_view text, const std::string& name) {
    const auto wrong = [&](const char* what) {
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "firmware descriptor '{}': {}", name, what);
    };
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object()) return wrong("it is no JSON object");
    Descriptor d;
    d.name = name;
    for (std::string& s : texts_at(json, "interface-types")) d.interfaces.insert(std::move(s));
    for (std::string& s : texts_at(json, "features")) d.features.insert(std::move(s));
    const Json& mapping = member(json, "mapping");
    d.device = text_of(mapping, "device");
    if (d.device == "flash") {
        d.mode = text_of(mapping, "mode");
        if (d.mode.empty()) d.mode = "split";
        d.executable = file_at(mapping, "executable");
        d.nvram_template = file_at(mapping, "nvram-template");
        if (d.mode == "split" && d.nvram_template.empty()) return wrong("it has no 'nvram-template'");
    } else {
        d.executable.path = text_of(mapping, "filename");
    }
    if (d.interfaces.empty()) return wrong("it has no 'interface-types'");
    if (d.executable.empty()) return wrong("its 'mapping' names no file");
    const Json& targets = member(json, "targets");
    for (const Json& target : targets.is_array() ? targets : Json::array())
        d.targets.push_back({text_of(target, "architecture"), texts_at(target, "machines")});
    return d;
}

std::vector<Descriptor> read_descriptors(const std::vector<std::string>& folders) {
    std::vector<Descriptor> all;
    for (const InteropFile& file : read_interop(folders)) {
        auto descriptor = parse_descriptor(file.text, file.path);
        if (descriptor)
            all.push_back(*std::move(descriptor));
        else
            log::warning("firmware", "'{}' is left out: {}", file.path, descriptor.error().message);
    }
    return all;
}

std::vector<std::string> descriptor_folders() { return interop_folders("firmware"); }

} // namespace polyvirt::qemu
