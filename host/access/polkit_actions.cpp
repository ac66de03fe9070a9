// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/polkit_actions.h"

#include <algorithm>

namespace polyvirt::access {
namespace {

// Which details an object has, by kind; null: it has no such.
struct Details {
    const char* name;
    const char* uuid;
    const char* parent;
    // Keys of the registry, and what they are called here.
    std::pair<const char*, const char*> keys[2];
};

Details details_of(Kind kind) {
    switch (kind) {
    case Kind::connect: return {};
    case Kind::domain: return {"domain_name", "domain_uuid", nullptr, {}};
    case Kind::interface: return {"interface_name", nullptr, nullptr, {{"mac", "interface_macaddr"}}};
    case Kind::network: return {"network_name", "network_uuid", nullptr, {}};
    case Kind::network_port: return {nullptr, "port_uuid", "network_name", {}};
    case Kind::node_device: return {"node_device_name", nullptr, nullptr, {}};
    case Kind::nwfilter: return {"nwfilter_name", "nwfilter_uuid", nullptr, {}};
    case Kind::nwfilter_binding:
        return {"nwfilter_binding_portdev", nullptr, nullptr, {{"filter", "nwfilter_binding_filter"}}};
    case Kind::secret: return {nullptr, "secret_uuid", nullptr, {}};
    case Kind::storage_pool: return {"pool_name", "pool_uuid", nullptr, {}};
    case Kind::storage_vol: return {"vol_name", nullptr, "pool_name", {{"key", "vol_key"}}};
    }
    return {};
}

// What a secret is for is called by the kind of its use.
const char* usage_detail(std::string_view type) {
    return type == "1" ? "secret_usage_volume" : type == "2" ? "secret_usage_ceph" : type == "3" ? "secret_usage_target"
           : type == "4" || type == "5" ? "secret_usage_name" : nullptr;
}

std::string key_of(const Object& object, std::string_view name) {
    const auto found = std::find_if(object.keys.begin(), object.keys.end(), [&](const auto& k) { return k.first == name; });
    return found != object.keys.end() ? found->second : "";
}

} // namespace

std::string api_action(Permission permission) {
    std::string action = "org.libvirt.api." + std::string(permission_name(permission));
    std::replace(action.begin(), action.end(), '_', '-');
    return action;
}

Question api_question(const Subject& subject, Permission permission, const Object& object, std::string_view driver) {
    Question q;
    q.action = api_action(permission);
    q.uid = subject.uid;
    q.pid = subject.pid;
    q.start_time = subject.start_time;
    const auto add = [&q](const char* key, std::string value) {
        if (key != nullptr && !value.empty()) q.details.emplace_back(key, std::move(value));
    };
    add("connect_driver", std::string(driver));
    if (object.kind == Kind::connect || !object.known) return q;
    const Details names = details_of(object.kind);
    add(names.name, std::string(object.name));
    if (!object.uuid.is_nil()) add(names.uuid, object.uuid.to_string());
    add(names.parent, std::string(object.parent));
    for (const auto& [key, detail] : names.keys)
        if (key != nullptr) add(detail, key_of(object, key));
    if (object.kind == Kind::secret) add(usage_detail(key_of(object, "usage-type")), key_of(object, "usage-id"));
    return q;
}

} // namespace polyvirt::access
