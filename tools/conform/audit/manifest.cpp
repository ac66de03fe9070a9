// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/audit/manifest.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <yaml-cpp/yaml.h>

#include <fmt/core.h>
#include <polyvirt/abi/base.h>

#include "tools/conform/catalog.h"

namespace polyvirt::conform {
namespace {

constexpr std::array kKeys = {"id", "abi", "provides", "needs", "uri", "kinds", "serves", "uses", "type", "error_domain"};
constexpr std::size_t kMaxItems = 256;

class Reader {
  public:
    Reader(const YAML::Node& root, Manifest& to) : root_(root), to_(to) {}

    std::vector<std::string> texts(const char* key) {
        std::vector<std::string> list;
        const YAML::Node node = root_[key];
        if (!node) return list;
        if (!node.IsSequence() || node.size() > kMaxItems) {
            fault(fmt::format("{}: a list of texts is expected", key));
            return list;
        }
        for (const YAML::Node& item : node) {
            if (item.IsScalar()) list.push_back(item.Scalar());
            else fault(fmt::format("{}: a list of texts is expected", key));
        }
        return list;
    }
    std::string text(const char* key) {
        const YAML::Node node = root_[key];
        if (!node) return {};
        if (node.IsScalar()) return node.Scalar();
        fault(fmt::format("{}: a text is expected", key));
        return {};
    }
    bool number(std::string_view text, const char* key, std::uint32_t& to) {
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), to);
        if (ec == std::errc{} && end == text.data() + text.size()) return true;
        fault(fmt::format("{}: '{}' is no number", key, text));
        return false;
    }
    void fault(std::string why) { to_.faults.push_back(std::move(why)); }

  private:
    const YAML::Node& root_;
    Manifest& to_;
};

void check_keys(const YAML::Node& root, Reader& reader) {
    std::set<std::string> seen;
    for (const auto& entry : root) {
        const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
        if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) reader.fault(fmt::format("unknown key '{}'", key));
        if (!seen.insert(key).second) reader.fault(fmt::format("key '{}' is given twice", key));
    }
}

void read_needs(Reader& reader, Manifest& to) {
    for (const std::string& need : reader.texts("needs")) {
        const std::size_t at = need.find(">=");
        std::uint32_t size = 0;
        if (at != std::string::npos) reader.number(std::string_view(need).substr(at + 2), "needs", size);
        const std::string id = need.substr(0, at);
        if (id.rfind("host.", 0) != 0 || id.find('/') == std::string::npos)
            reader.fault(fmt::format("needs: '{}' is no service of a host (as \"host.loop/1\")", id));
        if (!to.needs.emplace(id, size).second) reader.fault(fmt::format("needs: '{}' is given twice", id));
    }
}

void read_abi(const YAML::Node& root, Reader& reader, Manifest& to) {
    const std::vector<std::string> abi = reader.texts("abi");
    if (abi.size() != 2) {
        reader.fault("abi: [major, minor] is expected");
        return;
    }
    reader.number(abi[0], "abi", to.abi_major);
    reader.number(abi[1], "abi", to.abi_minor);
    if (to.abi_major != PV_ABI_MAJOR)
        reader.fault(fmt::format("abi: major {}, this kit knows {}", to.abi_major, PV_ABI_MAJOR));
    else if (to.abi_minor > PV_ABI_MINOR)
        reader.fault(fmt::format("abi: it needs minor {}, this kit knows {}: use the kit of a newer release", to.abi_minor, PV_ABI_MINOR));
    static_cast<void>(root);
}

void check_values(Reader& reader, Manifest& to) {
    if (to.id.empty()) reader.fault("id: missing");
    const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
    if (to.id.size() > 64 || !std::all_of(to.id.begin(), to.id.end(), fits))
        reader.fault(fmt::format("id: '{}': letters, digits, '.', '_' and '-' are expected, 64 at most", to.id));
    for (const std::string& kind : to.kinds) {
        bool known = false;
        for (std::uint32_t k = PV_KIND_DOMAIN; k <= PV_KIND_CHECKPOINT; ++k) known |= kind == kind_name(k);
        if (!known) reader.fault(fmt::format("kinds: there is no kind '{}'", kind));
    }
    for (const std::string& kind : to.uses)
        if (to.has_kind(kind)) reader.fault(fmt::format("uses: '{}' is a kind that it has itself", kind));
    for (const std::string& scheme : to.uri)
        if (scheme.empty() || scheme.find_first_of(":/+ ") != std::string::npos)
            reader.fault(fmt::format("uri: '{}' is no scheme", scheme));
}

} // namespace

bool Manifest::has_kind(std::string_view name) const { return std::find(kinds.begin(), kinds.end(), name) != kinds.end(); }
bool Manifest::uses_kind(std::string_view name) const { return std::find(uses.begin(), uses.end(), name) != uses.end(); }

Manifest read_manifest(const std::string& text) {
    Manifest to;
    try {
        const YAML::Node root = YAML::Load(text);
        Reader reader(root, to);
        if (!root.IsMap()) {
            reader.fault("it is no YAML mapping");
            return to;
        }
        check_keys(root, reader);
        to.id = reader.text("id");
        to.type = reader.text("type");
        to.provides = reader.texts("provides");
        to.uri = reader.texts("uri");
        to.kinds = reader.texts("kinds");
        reader.texts("serves");
        to.uses = reader.texts("uses");
        read_abi(root, reader, to);
        read_needs(reader, to);
        check_values(reader, to);
    } catch (const YAML::Exception& e) {
        to.faults.push_back(fmt::format("it is no YAML: {}", e.what()));
    }
    return to;
}

} // namespace polyvirt::conform
