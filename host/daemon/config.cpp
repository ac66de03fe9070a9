// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/config.h"

#include <filesystem>

#include <yaml-cpp/yaml.h>

#include "base/error_text.h"

namespace polyvirt::daemon {
namespace {

constexpr int kMaxDepth = 16;

void flatten(const YAML::Node& node, const std::string& prefix, int depth,
             std::map<std::string, std::string, std::less<>>& out) {
    if (depth > kMaxDepth) throw YAML::ParserException(node.Mark(), "nested too deeply");
    if (node.IsScalar()) {
        out[prefix] = node.Scalar();
    } else if (node.IsMap()) {
        for (const auto& item : node) {
            const auto key = item.first.as<std::string>();
            flatten(item.second, prefix.empty() ? key : prefix + "." + key, depth + 1, out);
        }
    } else if (node.IsSequence()) {
        for (std::size_t i = 0; i < node.size(); ++i)
            flatten(node[i], prefix + "." + std::to_string(i), depth + 1, out);
    }
}

} // namespace

Result<Config> Config::load(const std::string& path) {
    Config config;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return config;
    try {
        flatten(YAML::LoadFile(path), "", 0, config.values_);
    } catch (const YAML::Exception& e) {
        return make_error(ErrorCode::conf_syntax, ErrorDomain::conf, "{}:{}:{}: {}", path, e.mark.line + 1,
                          e.mark.column + 1, e.msg);
    }
    return config;
}

std::optional<std::string> Config::get(std::string_view key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    return found->second;
}

} // namespace polyvirt::daemon
