// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manifest.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <yaml-cpp/yaml.h>

#include <polyvirt/abi/base.h>

#include "base/error_text.h"

namespace polyvirt::plugin {
namespace {

struct KindName {
    std::uint32_t kind;
    std::string_view name;
};
constexpr std::array kDriverKinds = {
    KindName{PV_KIND_DOMAIN, "domain"},
    KindName{PV_KIND_NETWORK, "network"},
    KindName{PV_KIND_NETWORK_PORT, "network_port"},
    KindName{PV_KIND_INTERFACE, "interface"},
    KindName{PV_KIND_POOL, "pool"},
    KindName{PV_KIND_VOLUME, "volume"},
    KindName{PV_KIND_NODEDEV, "nodedev"},
    KindName{PV_KIND_NWFILTER, "nwfilter"},
    KindName{PV_KIND_NWFILTER_BINDING, "nwfilter_binding"},
    KindName{PV_KIND_SECRET, "secret"},
    KindName{PV_KIND_SNAPSHOT, "snapshot"},
    KindName{PV_KIND_CHECKPOINT, "checkpoint"},
};

// Thrown within this file only, beside what yaml-cpp throws.
struct Wrong {
    std::string why;
};

bool is_plugin_id(const std::string& id) {
    return !id.empty() && id.size() <= 64 && id.front() != '.' &&
           std::all_of(id.begin(), id.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
           });
}

std::uint32_t to_number(std::string_view text, const char* key) {
    std::uint32_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size())
        throw Wrong{fmt::format("{}: '{}' is not a number", key, text)};
    return n;
}

std::vector<std::string> texts(const YAML::Node& root, const char* key) {
    const YAML::Node node = root[key];
    if (!node || node.IsNull()) return {};
    if (!node.IsSequence()) throw Wrong{fmt::format("{}: a list is expected", key)};
    std::vector<std::string> list;
    for (const YAML::Node& item : node) {
        if (!item.IsScalar()) throw Wrong{fmt::format("{}: a list of texts is expected", key)};
        list.push_back(item.Scalar());
    }
    return list;
}

std::string scalar(const YAML::Node& root, const char* key, const std::string& otherwise) {
    const YAML::Node node = root[key];
    if (!node) return otherwise;
    if (!node.IsScalar()) throw Wrong{fmt::format("{}: one value is expected", key)};
    return node.Scalar();
}

std::vector<std::uint32_t> kinds(const YAML::Node& root, const char* key) {
    std::vector<std::uint32_t> list;
    for (const std::string& name : texts(root, key)) {
        const std::uint32_t kind = kind_from_name(name);
        if (kind == PV_KIND_NONE) throw Wrong{fmt::format("{}: no kind of object is named '{}'", key, name)};
        list.push_back(kind);
    }
    return list;
}

Need to_need(std::string_view text) {
    const std::size_t at = text.find(">=");
    if (at == std::string_view::npos) return {std::string(text), 0};
    return {std::string(text.substr(0, at)), to_number(text.substr(at + 2), "needs")};
}

Manifest from_yaml(const std::string& text) {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) throw Wrong{"a map of keys is expected"};
    Manifest m;
    const YAML::Node id = root["id"];
    if (!id || !id.IsScalar() || !is_plugin_id(id.Scalar()))
        throw Wrong{"id: a name of at most 64 letters, digits, '.', '_' and '-' is expected"};
    m.id = id.Scalar();
    const std::vector<std::string> abi = texts(root, "abi");
    if (abi.size() != 2) throw Wrong{"abi: [major, minor] is expected"};
    m.abi_major = to_number(abi[0], "abi");
    m.abi_minor = to_number(abi[1], "abi");
    m.provides = texts(root, "provides");
    for (const std::string& need : texts(root, "needs")) m.needs.push_back(to_need(need));
    m.uri = texts(root, "uri");
    m.kinds = kinds(root, "kinds");
    m.serves = kinds(root, "serves");
    m.uses = kinds(root, "uses");
    m.version = scalar(root, "version", "");
    m.type = scalar(root, "type", m.id);
    m.error_domain = to_number(scalar(root, "error_domain", "0"), "error_domain");
    return m;
}

Error bad_manifest(const std::string& path, std::string_view why) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "plugin {}: {}", path, why);
}

} // namespace

Result<Manifest> parse_manifest(const std::string& text, const std::string& path) {
    try {
        return from_yaml(text);
    } catch (const Wrong& wrong) {
        return bad_manifest(path, "manifest: " + wrong.why);
    } catch (const std::exception& e) { // yaml-cpp's, or out of memory
        return bad_manifest(path, std::string("manifest is not valid YAML: ") + e.what());
    }
}

Status check_manifest(const Manifest& manifest, const std::vector<Offer>& offers, const std::string& path) {
    if (manifest.abi_major != PV_ABI_MAJOR || manifest.abi_minor > PV_ABI_MINOR)
        return bad_manifest(path, fmt::format("it needs plugin ABI {}.{}, this daemon offers {}.{}", manifest.abi_major,
                                        manifest.abi_minor, PV_ABI_MAJOR, PV_ABI_MINOR));
    for (const Need& need : manifest.needs) {
        const auto offer = std::find_if(offers.begin(), offers.end(), [&](const Offer& o) { return o.id == need.id; });
        if (offer == offers.end())
            return bad_manifest(path, fmt::format("it needs the service '{}' (size {}), which this daemon (plugin ABI {}.{}) "
                                            "does not offer",
                                            need.id, need.size, PV_ABI_MAJOR, PV_ABI_MINOR));
        if (offer->size < need.size)
            return bad_manifest(path, fmt::format("it needs the service '{}' of size {} at least, this daemon offers size {}",
                                            need.id, need.size, offer->size));
    }
    return {};
}

std::uint32_t kind_from_name(std::string_view name) {
    for (const KindName& k : kDriverKinds)
        if (k.name == name) return k.kind;
    return PV_KIND_NONE;
}

std::string_view kind_name(std::uint32_t kind) {
    for (const KindName& k : kDriverKinds)
        if (k.kind == kind) return k.name;
    return "object";
}

} // namespace polyvirt::plugin
