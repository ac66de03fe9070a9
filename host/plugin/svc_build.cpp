// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.build/1
#include <polyvirt/abi/build.h>

#include <cstring>

#include "host/plugin/builders.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

// What one list may hold: far more than the wire can carry, far less than would hurt the daemon.
constexpr std::size_t kMaxItems = std::size_t{1} << 20;
constexpr std::size_t kMaxText = std::size_t{4} << 20;

template <typename Builder, typename F> pv_status build(Builder* builder, bool good, std::size_t items, F&& body) noexcept {
    if (builder == nullptr) return PV_ABI;
    if (builder->failed) return PV_FAIL;
    const pv_status status = guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        if (!good) return PV_ABI;
        return items >= kMaxItems ? pv_status{PV_FAIL} : body();
    });
    if (status != PV_OK) builder->failed = true;
    return status;
}

pv_status write(pv_sink* sink, const void* data, std::size_t length) noexcept {
    return build(sink, data != nullptr || length == 0, 0, [&]() -> pv_status {
        if (length > sink->max || sink->data.size() > sink->max - length) return PV_FAIL;
        if (length != 0) sink->data.append(static_cast<const char*>(data), length);
        sink->written = true;
        return PV_OK;
    });
}

bool is_good(const pv_param* p) {
    return p != nullptr && p->field != nullptr && p->field[0] != '\0' && p->type >= PV_PARAM_INT &&
           p->type <= PV_PARAM_STRING && (p->type != PV_PARAM_STRING || p->v.s != nullptr);
}

pv_status add_param(pv_params* params, const pv_param* param) noexcept {
    return build(params, is_good(param), params != nullptr ? params->list.size() : 0, [&]() -> pv_status {
        pv_params::Param& copy = params->list.emplace_back();
        copy.field = param->field;
        copy.value = *param;
        copy.value.field = copy.field.c_str();
        if (param->type != PV_PARAM_STRING) return PV_OK;
        copy.text = param->v.s;
        copy.value.v.s = copy.text.c_str();
        return copy.text.size() <= kMaxText ? PV_OK : PV_FAIL;
    });
}

pv_status add_string(pv_strings* strings, const char* text) noexcept {
    return build(strings, text != nullptr, strings != nullptr ? strings->list.size() : 0, [&]() -> pv_status {
        strings->list.emplace_back(text);
        return strings->list.back().size() <= kMaxText ? PV_OK : PV_FAIL;
    });
}

pv_status add_object(pv_objs* objects, std::uint64_t handle) noexcept {
    return build(objects, handle != 0, objects != nullptr ? objects->list.size() : 0, [&]() -> pv_status {
        objects->list.push_back(handle);
        return PV_OK;
    });
}

pv_status add_record(pv_records* records, const void* record) noexcept {
    return build(records, record != nullptr, records != nullptr ? records->count : 0, [&]() -> pv_status {
        std::uint32_t size = 0;
        std::memcpy(&size, record, sizeof(size));
        if (size < sizeof(size)) return PV_ABI;
        const std::size_t at = records->data.size();
        records->data.resize(at + records->type->size);
        records->type->copy(record, records->data.data() + at, records->texts, records->arrays);
        ++records->count;
        return PV_OK;
    });
}

pv_params* begin_group(pv_groups* groups, std::uint64_t handle) noexcept {
    pv_params* params = nullptr;
    const pv_status status =
        build(groups, true, groups != nullptr ? groups->list.size() : 0, [&]() -> pv_status {
            pv_groups::Group& group = groups->list.emplace_back();
            group.handle = handle;
            params = &group.params;
            return PV_OK;
        });
    return status == PV_OK ? params : nullptr;
}

constexpr pv_svc_build kBuildTable = {sizeof(pv_svc_build), 0,          write,      add_param,
                                 add_string,           add_object, add_record, begin_group};

} // namespace

const Service kBuildService{PV_SVC_BUILD, &kBuildTable};

} // namespace polyvirt::plugin
