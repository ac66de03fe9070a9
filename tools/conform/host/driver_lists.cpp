// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/host/driver_lists.h"

#include <algorithm>

#include "tools/conform/catalog.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

template <typename T> T* make(pv_host* host, const char* service_name, const char* what) {
    const Service service(service_name);
    if (service.fails()) return nullptr;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return nullptr;
    return world().handles.add(std::make_unique<T>(), what);
}

template <typename T> void give_back(T* list, const char* service_name) {
    const Service service(service_name);
    const LeafLock lock(g_mu);
    if (world().handles.valid(list, service) != nullptr) list->gone = true;
}

// Whether it is one; the table's handles are not const, a reader's is.
template <typename T> bool readable(const T* list, const Service& service) PV_REQUIRES(g_mu) {
    return world().handles.valid(const_cast<T*>(list), service) != nullptr;
}

// Of lists in which the imaginary driver puts nothing.
template <typename T> std::int32_t none(const T* list, const char* service_name) {
    const Service service(service_name); // takes the lock for a moment
    const LeafLock lock(g_mu);
    (void)readable(list, service);
    return 0;
}

bool returns_records(std::uint32_t id) {
    for (const OpSpec& op : all_ops())
        if (op.id == id) return std::any_of(op.out.begin(), op.out.end(), [](const FieldSpec& f) { return f.type == FieldType::records; });
    return false;
}

} // namespace

pv_params* new_params(pv_host* host) noexcept { return make<pv_params>(host, "driver.params_new", "list of parameters"); }
pv_strings* new_strings(pv_host* host) noexcept { return make<pv_strings>(host, "driver.strings_new", "list of texts"); }
pv_objs* new_objs(pv_host* host) noexcept { return make<pv_objs>(host, "driver.objs_new", "list of objects"); }
pv_records* new_records(pv_host* host, std::uint32_t op) noexcept {
    return returns_records(op) ? make<pv_records>(host, "driver.records_new", "list of records") : nullptr;
}
pv_groups* new_groups(pv_host* host) noexcept { return make<pv_groups>(host, "driver.groups_new", "list of groups"); }

void free_params(pv_params* list) noexcept { give_back(list, "driver.params_free"); }
void free_strings(pv_strings* list) noexcept { give_back(list, "driver.strings_free"); }
void free_objs(pv_objs* list) noexcept { give_back(list, "driver.objs_free"); }
void free_records(pv_records* list) noexcept { give_back(list, "driver.records_free"); }
void free_groups(pv_groups* list) noexcept { give_back(list, "driver.groups_free"); }

std::int32_t count_params(const pv_params* list) noexcept { return none(list, "driver.params_count"); }
std::int32_t count_strings(const pv_strings* list) noexcept { return none(list, "driver.strings_count"); }
std::int32_t count_objs(const pv_objs* list) noexcept {
    const Service service("driver.objs_count");
    const LeafLock lock(g_mu);
    return readable(list, service) ? static_cast<std::int32_t>(list->list.size()) : 0;
}
std::int32_t count_records(const pv_records* list) noexcept { return none(list, "driver.records_count"); }
std::int32_t count_groups(const pv_groups* list) noexcept { return none(list, "driver.groups_count"); }

const pv_param* param_at(const pv_params* list, std::uint32_t) noexcept {
    none(list, "driver.params_at");
    return nullptr;
}
const char* string_at(const pv_strings* list, std::uint32_t) noexcept {
    none(list, "driver.strings_at");
    return nullptr;
}
std::uint64_t obj_at(const pv_objs* list, std::uint32_t index) noexcept {
    const Service service("driver.objs_at");
    const LeafLock lock(g_mu);
    return readable(list, service) && index < list->list.size() ? list->list[index] : 0;
}
const void* record_at(const pv_records* list, std::uint32_t) noexcept {
    none(list, "driver.records_at");
    return nullptr;
}
const pv_params* group_at(const pv_groups* list, std::uint32_t, std::uint64_t*) noexcept {
    none(list, "driver.groups_at");
    return nullptr;
}

} // namespace polyvirt::conform
