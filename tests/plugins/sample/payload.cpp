// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "payload.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace polyvirt::sample {

using nlohmann::json;

template <typename T> void Payload::put(std::vector<std::byte>& to, T value) {
    to.resize((to.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T));
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    to.insert(to.end(), from, from + sizeof(T));
}

Payload::Payload(const json& values) : bytes_(build(values)) {}

const char* Payload::keep(const json& text) {
    return text.is_null() ? nullptr : texts_.emplace_back(text.get<std::string>()).c_str();
}

std::vector<std::byte> Payload::build(const json& values) {
    std::vector<std::byte> bytes;
    put(bytes, std::uint32_t{0});
    for (const json& one : values) {
        const auto type = one.at(0).get<std::string>();
        const json& value = one.at(1);
        if (type == "i32") put(bytes, value.get<std::int32_t>());
        else if (type == "u32") put(bytes, value.get<std::uint32_t>());
        else if (type == "i64") put(bytes, value.get<std::int64_t>());
        else if (type == "u64") put(bytes, value.get<std::uint64_t>());
        else if (type == "str" || type == "opt_str") put(bytes, keep(value));
        else if (type == "params") {
            auto& list = params_.emplace_back();
            for (const json& p : value) {
                pv_param param{};
                param.field = keep(p.at(0));
                param.type = p.at(1).get<std::int32_t>();
                if (param.type == PV_PARAM_STRING) param.v.s = keep(p.at(2));
                else if (param.type == PV_PARAM_ULLONG) param.v.ul = p.at(2).get<std::uint64_t>();
                else if (param.type == PV_PARAM_INT) param.v.i = p.at(2).get<std::int32_t>();
                else throw std::invalid_argument("parameters are of type 1, 4 or 7 here");
                list.push_back(param);
            }
            put(bytes, static_cast<const pv_param*>(list.data()));
            put(bytes, static_cast<std::uint32_t>(list.size()));
        } else if (type == "records") {
            std::vector<std::byte> all;
            for (const json& record : value) {
                const std::vector<std::byte> item = build(record);
                all.insert(all.end(), item.begin(), item.end());
            }
            put(bytes, static_cast<const std::byte*>(records_.emplace_back(std::move(all)).data()));
            put(bytes, static_cast<std::uint32_t>(value.size()));
        } else throw std::invalid_argument("no member of an event is a " + type);
    }
    bytes.resize((bytes.size() + 7) / 8 * 8);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes;
}

} // namespace polyvirt::sample
