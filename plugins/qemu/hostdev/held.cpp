// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/held.h"

#include <algorithm>
#include <iterator>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using nlohmann::json;

struct TextField {
    const char* key;
    std::string HeldDevice::*member;
};
constexpr TextField kTexts[] = {{"name", &HeldDevice::name},     {"alias", &HeldDevice::alias},   {"node", &HeldDevice::node},
                                {"driver", &HeldDevice::driver}, {"pinned", &HeldDevice::pinned},
                                {"card", &HeldDevice::card},     {"function", &HeldDevice::function}, {"mac", &HeldDevice::mac},
                                {"vlan", &HeldDevice::vlan},     {"old_mac", &HeldDevice::old_mac}, {"old_vlan", &HeldDevice::old_vlan}};
struct FlagField {
    const char* key;
    bool HeldDevice::*member;
};
constexpr FlagField kFlags[] = {{"shared", &HeldDevice::shared}, {"write", &HeldDevice::write}, {"managed", &HeldDevice::managed}};

Error bad_device(std::string_view what) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "status record: host_devices: {}", what);
}

} // namespace

json to_json(const std::vector<HeldDevice>& devices) {
    json list = json::array();
    for (const HeldDevice& d : devices) {
        json one = {{"kind", kHostKinds[static_cast<std::size_t>(d.kind)]}};
        for (const TextField& f : kTexts)
            if (!(d.*f.member).empty()) one[f.key] = d.*f.member;
        for (const FlagField& f : kFlags) one[f.key] = d.*f.member;
        list.push_back(std::move(one));
    }
    return list;
}

Result<std::vector<HeldDevice>> held_from_json(const json& list) {
    std::vector<HeldDevice> out;
    if (list.is_null()) return out;
    if (!list.is_array()) return bad_device("no list");
    for (const json& one : list) {
        if (!one.is_object()) return bad_device("a device is no object");
        HeldDevice d;
        const auto kind = one.find("kind");
        const std::string text = kind != one.end() && kind->is_string() ? kind->get<std::string>() : std::string();
        const auto* const found = std::find(std::begin(kHostKinds), std::end(kHostKinds), text);
        if (found == std::end(kHostKinds)) return bad_device(fmt::format("'{}' is no kind of device", text));
        d.kind = static_cast<HostKind>(found - std::begin(kHostKinds));
        for (const TextField& f : kTexts) {
            const auto it = one.find(f.key);
            if (it == one.end()) continue;
            if (!it->is_string()) return bad_device(fmt::format("'{}' is not a text", f.key));
            d.*f.member = it->get<std::string>();
        }
        for (const FlagField& f : kFlags) {
            const auto it = one.find(f.key);
            if (it == one.end() || !it->is_boolean()) return bad_device(fmt::format("'{}' is neither true nor false", f.key));
            d.*f.member = it->get<bool>();
        }
        // It becomes a part of paths.
        if (d.name.empty() || d.name.find('/') != std::string::npos || d.driver.find('/') != std::string::npos)
            return bad_device(fmt::format("'{}' is no device's name", d.name));
        out.push_back(std::move(d));
    }
    return out;
}

} // namespace polyvirt::qemu
