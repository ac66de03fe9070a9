// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/driver_lists.h"

#include "host/plugin/context.h"
#include "host/plugin/gen/records.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

template <typename Builder> Handles<Owned<Builder>>& handles_of(pv_host* host) {
    return std::get<Handles<Owned<Builder>>>(host->lists);
}

template <typename Builder, typename... A> Builder* make(pv_host* host, A&... a) {
    return guarded(static_cast<Builder*>(nullptr), [&]() -> Builder* {
        auto made = std::make_unique<Owned<Builder>>(a...);
        made->host = host;
        return handles_of<Builder>(host).add(std::move(made));
    });
}

template <typename Builder> Builder* list_new(pv_host* host) noexcept {
    return host != nullptr ? make<Builder>(host) : nullptr;
}

pv_records* records_new(pv_host* host, std::uint32_t op) noexcept {
    const pv_record_type* type = records::of_op(op);
    return host != nullptr && type != nullptr ? make<pv_records>(host, *type) : nullptr;
}

template <typename Builder> void list_free(Builder* list) noexcept {
    if (list == nullptr) return;
    guarded(0, [&] {
        auto* owned = static_cast<Owned<Builder>*>(list);
        static_cast<void>(PV_BUG(!handles_of<Builder>(owned->host).take(owned)));
        return 0;
    });
}

std::size_t size_of(const pv_records& list) { return list.count; }
template <typename Builder> std::size_t size_of(const Builder& list) { return list.list.size(); }

template <typename Builder> std::int32_t count(const Builder* list) noexcept {
    if (list == nullptr) return 0;
    return list->failed ? -1 : static_cast<std::int32_t>(size_of(*list));
}

template <typename Builder> bool has(const Builder* list, std::uint32_t index) {
    return list != nullptr && index < size_of(*list);
}

const pv_param* params_at(const pv_params* list, std::uint32_t index) noexcept {
    return has(list, index) ? &list->list[index].value : nullptr;
}
const char* strings_at(const pv_strings* list, std::uint32_t index) noexcept {
    return has(list, index) ? list->list[index].c_str() : nullptr;
}
std::uint64_t objs_at(const pv_objs* list, std::uint32_t index) noexcept {
    return has(list, index) ? list->list[index] : 0;
}
const void* records_at(const pv_records* list, std::uint32_t index) noexcept {
    return has(list, index) ? list->data.data() + std::size_t{index} * list->type->size : nullptr;
}
const pv_params* groups_at(const pv_groups* list, std::uint32_t index, std::uint64_t* object) noexcept {
    if (object != nullptr) *object = has(list, index) ? list->list[index].handle : 0;
    return has(list, index) ? &list->list[index].params : nullptr;
}

} // namespace

void fill_list_functions(pv_svc_driver& table) {
    table.params_new = list_new<pv_params>;
    table.strings_new = list_new<pv_strings>;
    table.objs_new = list_new<pv_objs>;
    table.records_new = records_new;
    table.groups_new = list_new<pv_groups>;
    table.params_free = list_free<pv_params>;
    table.strings_free = list_free<pv_strings>;
    table.objs_free = list_free<pv_objs>;
    table.records_free = list_free<pv_records>;
    table.groups_free = list_free<pv_groups>;
    table.params_count = count<pv_params>;
    table.strings_count = count<pv_strings>;
    table.objs_count = count<pv_objs>;
    table.records_count = count<pv_records>;
    table.groups_count = count<pv_groups>;
    table.params_at = params_at;
    table.strings_at = strings_at;
    table.objs_at = objs_at;
    table.records_at = records_at;
    table.groups_at = groups_at;
}

} // namespace polyvirt::plugin
