// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.build/1

#include <algorithm>
#include <cstring>

#include <polyvirt/abi/gen/params.h>

#include "base/param_name.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {

bool append(pv_sink* sink, const void* data, std::size_t length) {
    sink->written = true;
    if (length > sink->max - std::min(sink->max, sink->data.size())) return false;
    sink->data.append(static_cast<const char*>(data), length);
    return true;
}

namespace {

// From here on the call fails, whatever the op returns.
pv_status refuse(Handle* builder) PV_REQUIRES(g_mu) {
    if (builder != nullptr && builder->call != nullptr) builder->call->refused = true;
    return PV_FAIL;
}

pv_status write(pv_sink* sink, const void* data, std::size_t length) noexcept {
    const Service service("build.write");
    const LeafLock lock(g_mu);
    if (world().handles.valid(sink, service) == nullptr) return PV_ABI;
    if (service.fails()) return refuse(sink);
    if (data == nullptr && length > 0) {
        complain("services.arguments", "build.write: null, {} bytes", length);
        return PV_ABI;
    }
    return append(sink, data, length) ? PV_OK : refuse(sink);
}

// Name and type, as the spec has them for the op.
void check_rules(std::uint32_t family, const pv_param& p) PV_REQUIRES(g_mu) {
    struct Rule {
        std::uint32_t family;
        const char* name;
        std::uint32_t types;
    };
    static constexpr Rule kRules[] = {
#define PV_ROW(family, name, types, many) {family, name, types},
        PV_PARAM_RULES(PV_ROW)
#undef PV_ROW
    };
    if (family == 0) return;
    std::uint32_t types = 0;
    for (const Rule& rule : kRules)
        if (rule.family == family && param_name_fits(rule.name, p.field)) types |= rule.types;
    if (types == 0) complain("ops.params", "build.add_param: no parameter of this op is named '{}'", p.field);
    else if ((types & PV_PARAM_BIT(p.type)) == 0)
        complain("ops.params", "build.add_param: '{}' is of type {}, the spec has it as {:#x} (a bit for each type)", p.field, p.type, types);
}

pv_status add_param(pv_params* params, const pv_param* p) noexcept {
    const Service service("build.add_param");
    const LeafLock lock(g_mu);
    if (world().handles.valid(params, service) == nullptr) return PV_ABI;
    if (service.fails()) return refuse(params);
    if (p == nullptr || p->field == nullptr || *p->field == '\0' || std::strlen(p->field) >= 80 || p->type < PV_PARAM_INT ||
        p->type > PV_PARAM_STRING || (p->type == PV_PARAM_STRING && p->v.s == nullptr)) {
        complain("services.arguments", "build.add_param: {}",
                 p == nullptr ? "null" : fmt::format("field '{}', type {}", p->field != nullptr ? p->field : "(null)", p->type));
        return PV_ABI;
    }
    check_rules(params->family, *p);
    if (std::find(params->fields.begin(), params->fields.end(), p->field) != params->fields.end())
        complain("services.arguments", "build.add_param: field '{}' twice in one list", p->field);
    params->fields.emplace_back(p->field);
    return PV_OK;
}

pv_status add_string(pv_strings* strings, const char* text) noexcept {
    const Service service("build.add_string");
    const LeafLock lock(g_mu);
    if (world().handles.valid(strings, service) == nullptr) return PV_ABI;
    if (service.fails()) return refuse(strings);
    if (text == nullptr) {
        complain("services.arguments", "build.add_string: null");
        return PV_ABI;
    }
    strings->list.emplace_back(text);
    return PV_OK;
}

pv_status add_object(pv_objs* objects, std::uint64_t handle) noexcept {
    const Service service("build.add_object");
    const LeafLock lock(g_mu);
    if (world().handles.valid(objects, service) == nullptr) return PV_ABI;
    if (service.fails()) return refuse(objects);
    objects->list.push_back(handle);
    return PV_OK;
}

pv_status add_record(pv_records* records, const void* record) noexcept {
    const Service service("build.add_record");
    const LeafLock lock(g_mu);
    if (world().handles.valid(records, service) == nullptr) return PV_ABI;
    if (service.fails()) return refuse(records);
    std::uint32_t size = 0;
    if (record != nullptr) std::memcpy(&size, record, sizeof size);
    if (size < 8 || size > 4096 || size % 4 != 0) {
        complain("services.arguments", "build.add_record: {}", record == nullptr ? "null" : fmt::format("a record of {} bytes", size));
        return PV_ABI;
    }
    ++records->count;
    return PV_OK;
}

pv_params* begin_group(pv_groups* groups, std::uint64_t) noexcept {
    const Service service("build.begin_group");
    const LeafLock lock(g_mu);
    if (world().handles.valid(groups, service) == nullptr) return nullptr;
    if (service.fails()) {
        refuse(groups);
        return nullptr;
    }
    if (!groups->list.empty()) groups->list.back()->gone = true; // valid until the next begin
    groups->list.push_back(world().handles.add(std::make_unique<pv_params>(), "list of a group"));
    groups->list.back()->call = groups->call;
    groups->list.back()->family = groups->family;
    return groups->list.back();
}

} // namespace

const pv_svc_build kBuild = {sizeof(pv_svc_build), 0, write, add_param, add_string, add_object, add_record, begin_group};

} // namespace polyvirt::conform
