// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Look-ups by whatever clients know an object by.

#include <algorithm>
#include <cctype>

#include "host/dispatch/gen/host_ops.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/list_rules.h"
#include "host/dispatch/look_up.h"

namespace polyvirt::dispatch::host {
namespace {

using plugin::ObjectPtr;

Error none(WireCall& call, std::uint32_t kind, std::string text) {
    return no_such_object(kind, call.driver().error_domain(), std::move(text));
}

// Repeated slashes are one, and the last one goes, as paths are compared.
std::string clean_path(std::string_view path) {
    std::string clean;
    for (const char c : path)
        if (c != '/' || clean.empty() || clean.back() != '/') clean.push_back(c);
    if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
    return clean;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

bool is_active(const plugin::ObjectRef& object) { return (object.attrs & PV_ATTR_ACTIVE) != 0; }

// "no storage vol with matching path '/a//b' (/a/b)"
Error no_path(WireCall& call, std::uint32_t kind, std::string_view key, std::string_view asked, const std::string& clean) {
    const char* noun = facts_of(kind).noun;
    return none(call, kind,
                asked == clean ? fmt::format("no {} with matching {} '{}'", noun, key, asked)
                               : fmt::format("no {} with matching {} '{}' ({})", noun, key, asked, clean));
}

Result<ObjectPtr> interface_by_mac(WireCall& call, std::string_view mac) {
    const auto found = call.driver().registry().find_key(PV_KIND_INTERFACE, "mac", lower(mac));
    if (found.empty()) return none(call, PV_KIND_INTERFACE, fmt::format("couldn't find interface with MAC address '{}'", mac));
    if (found.size() > 1)
        return make_error(ErrorCode::multiple_interfaces, ErrorDomain::interface,
                          "the MAC address '{}' matches {} interfaces", mac, found.size());
    return found.front();
}

// Volumes are there while their pool is active; a pool's target path counts while it is.
Result<ObjectPtr> by_path(WireCall& call, std::uint32_t kind, std::string_view key, std::string_view words, std::string_view path) {
    const std::string clean = clean_path(path);
    for (const ObjectPtr& one : call.driver().registry().find_key(kind, key, clean))
        if (is_active(kind == PV_KIND_VOLUME && one->parent != nullptr ? *one->parent : *one)) return one;
    return no_path(call, kind, words, path, clean);
}

} // namespace

Status lookup_id(WireCall& call, const LookupIdIn& in, LookupIdOut& out) {
    out.obj = call.driver().registry().find_id(in.id);
    if (out.obj == nullptr) return none(call, PV_KIND_DOMAIN, fmt::format("no domain with matching id {}", in.id));
    return {};
}

Status lookup_name(WireCall& call, const LookupNameIn& in, LookupNameOut& out) {
    PV_ASSIGN_OR_RETURN(out.obj, look_up_name(call, in.kind, in.name));
    return {};
}

Status lookup_uuid(WireCall& call, const LookupUuidIn& in, LookupUuidOut& out) {
    PV_ASSIGN_OR_RETURN(out.obj, look_up_uuid(call, in.kind, in.uuid));
    return {};
}

Status lookup_key(WireCall& call, const LookupKeyIn& in, LookupKeyOut& out) {
    if (in.key == "mac") {
        PV_ASSIGN_OR_RETURN(out.obj, interface_by_mac(call, in.value));
    } else if (in.key == "path" || in.key == "target-path") {
        PV_ASSIGN_OR_RETURN(out.obj, by_path(call, in.kind, in.key, in.key == "path" ? "path" : "target path", in.value));
    } else {
        for (const ObjectPtr& one : call.driver().registry().find_key(in.kind, in.key, in.value))
            if (one->parent == nullptr || is_active(*one->parent)) {
                out.obj = one;
                return {};
            }
        return none(call, in.kind, fmt::format("no {} with matching key {}", facts_of(in.kind).noun, in.value));
    }
    return {};
}

Status lookup_in_name(WireCall& call, const LookupInNameIn& in, LookupInNameOut& out) {
    PV_TRY(check_flags(call.proc(), in.kind, call.driver(), in.flags, 0));
    if (in.kind == PV_KIND_VOLUME) PV_TRY(check_active(call, *in.target));
    PV_ASSIGN_OR_RETURN(out.obj, look_up_name(call, in.kind, in.name, in.target.get()));
    return {};
}

Status lookup_port(WireCall& call, const LookupPortIn& in, LookupPortOut& out) {
    out.obj = call.driver().registry().find_uuid(PV_KIND_NETWORK_PORT, in.uuid);
    if (out.obj != nullptr && out.obj->parent != nullptr && out.obj->parent->handle == in.target->handle) return {};
    return none(call, PV_KIND_NETWORK_PORT, fmt::format("Network port with UUID {} does not exist", in.uuid.to_string()));
}

Status lookup_usage(WireCall& call, const LookupUsageIn& in, LookupUsageOut& out) {
    const std::string type = std::to_string(in.type);
    for (const ObjectPtr& one : call.driver().registry().find_key(PV_KIND_SECRET, "usage-id", in.id))
        if (key_of(*one, "usage-type") == type) {
            out.obj = one;
            return {};
        }
    return none(call, PV_KIND_SECRET, fmt::format("no secret with matching usage '{}'", in.id));
}

Status lookup_wwn(WireCall& call, const LookupWwnIn& in, LookupWwnOut& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_NODEDEV, call.driver(), in.flags, 0));
    for (const ObjectPtr& one : call.driver().registry().find_key(PV_KIND_NODEDEV, "wwpn", in.wwpn))
        if (key_of(*one, "wwnn") == in.wwnn) {
            out.obj = one;
            return {};
        }
    return none(call, PV_KIND_NODEDEV, fmt::format("no SCSI host with wwnn '{}' and wwpn '{}'", in.wwnn, in.wwpn));
}

Status pool_of(WireCall& call, const PoolOfIn& in, PoolOfOut& out) {
    out.obj = in.target->parent;
    if (out.obj == nullptr)
        return none(call, PV_KIND_POOL, fmt::format("the pool of storage vol '{}' is gone", in.target->name));
    return {};
}

} // namespace polyvirt::dispatch::host
