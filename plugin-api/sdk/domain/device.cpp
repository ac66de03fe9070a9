// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/device.h"

#include <algorithm>

#include "sdk/domain/passes.h"
#include "sdk/xml/parse.h"

namespace polyvirt::sdk::domain {
namespace {

struct KindRow {
    std::string_view element;
    bool verbs[3]; // attach, detach, update
};
constexpr KindRow kKinds[] = {
#define PV_KIND_ROW(name, type, list, ...) {#name, {__VA_ARGS__}},
    PV_DEVICE_KINDS(PV_KIND_ROW)
#undef PV_KIND_ROW
};

// A list of one at most, in the words of a longer one.
template <typename T> std::size_t size_of(const std::vector<T>& list) { return list.size(); }
template <typename T> std::size_t size_of(const std::optional<T>& list) { return list ? 1 : 0; }
template <typename L> auto& at(std::vector<L>& list, std::size_t i) { return list[i]; }
template <typename L> auto& at(const std::vector<L>& list, std::size_t i) { return list[i]; }
template <typename L> auto& at(std::optional<L>& list, std::size_t) { return *list; }
template <typename L> auto& at(const std::optional<L>& list, std::size_t) { return *list; }
template <typename T> void add(std::vector<T>& list, T item) { list.push_back(std::move(item)); }
template <typename T> void add(std::optional<T>& list, T item) { list = std::move(item); }
template <typename T> void drop(std::vector<T>& list, std::size_t i) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); }
template <typename T> void drop(std::optional<T>& list, std::size_t) { list.reset(); }
template <typename L> using Item = std::remove_cvref_t<decltype(at(std::declval<L&>(), 0))>;

template <typename T> DeviceInfo* info_of(T& item) {
    if constexpr (requires { item.info; }) return &item.info;
    else return nullptr;
}

} // namespace

std::string_view element_of(DeviceKind kind) { return kKinds[static_cast<std::size_t>(kind)].element; }

bool in_config(DeviceKind kind, DeviceVerb verb) {
    return kKinds[static_cast<std::size_t>(kind)].verbs[static_cast<std::size_t>(verb)];
}

DeviceInfo* Device::info() {
    return std::visit([](auto& item) { return info_of(item); }, value);
}

Result<Device> parse_device(std::string_view text, bool inactive) {
    PV_ASSIGN_OR_RETURN(const xml::Node node, xml::read(text, "device definition"));
    const auto row = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& r) { return r.element == node.name; });
    if (row == std::end(kKinds) || !node.uri.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::domain, "unknown device type '{}'", node.name);
    const auto kind = static_cast<DeviceKind>(row - std::begin(kKinds));
    xml::Messages ignored;
    Domain alone;
    const Status parsed = with_devices(alone.devices, kind, [&](auto& list) -> Status {
        using T = Item<std::remove_cvref_t<decltype(list)>>;
        PV_ASSIGN_OR_RETURN(T item, xml::parse<T>(node, ignored));
        add(list, std::move(item));
        return {};
    });
    PV_TRY(parsed);
    if (inactive) drop_live_state(alone);
    return device_at(alone.devices, {kind, 0});
}

std::size_t count_devices(const Devices& devices, DeviceKind kind) {
    return with_devices(devices, kind, [](const auto& list) { return size_of(list); });
}

Device device_at(const Devices& devices, DeviceRef ref) {
    return with_devices(devices, ref.kind, [&](const auto& list) { return Device{ref.kind, at(list, ref.index)}; });
}

DeviceInfo* info_at(Devices& devices, DeviceRef ref) {
    return with_devices(devices, ref.kind, [&](auto& list) { return info_of(at(list, ref.index)); });
}

void add_device(Devices& devices, Device device) {
    with_devices(devices, device.kind, [&](auto& list) {
        using T = Item<std::remove_cvref_t<decltype(list)>>;
        add(list, std::move(device.as<T>()));
    });
}

void remove_device(Devices& devices, DeviceRef ref) {
    with_devices(devices, ref.kind, [&](auto& list) { drop(list, ref.index); });
}

void replace_device(Devices& devices, DeviceRef ref, Device device) {
    with_devices(devices, ref.kind, [&](auto& list) {
        using T = Item<std::remove_cvref_t<decltype(list)>>;
        at(list, ref.index) = std::move(device.as<T>());
    });
}

std::optional<DeviceRef> find_alias(const Devices& devices, std::string_view alias) {
    for (std::size_t k = 0; k < std::size(kKinds); k++) {
        const auto kind = static_cast<DeviceKind>(k);
        for (std::size_t i = 0; i < count_devices(devices, kind); i++) {
            const DeviceInfo* info = info_at(const_cast<Devices&>(devices), {kind, i});
            if (info != nullptr && info->alias.name == alias) return DeviceRef{kind, i};
        }
    }
    return {};
}

Result<Device> with_defaults(const Domain& around, Device device, const std::function<Status(Domain&)>& defaults) {
    Domain alone = around;
    alone.devices = {};
    alone.devices.emulator = around.devices.emulator;
    const DeviceKind kind = device.kind;
    const std::optional<Address> said = device.info() != nullptr ? device.info()->address : std::nullopt;
    add_device(alone.devices, std::move(device));
    PV_TRY(defaults(alone));
    // Passes put what a machine has of its own behind what was there.
    Device full = device_at(alone.devices, {kind, 0});
    if (full.info() != nullptr) full.info()->address = said;
    return full;
}

} // namespace polyvirt::sdk::domain
