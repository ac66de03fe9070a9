// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// All documents but the domain's (domain.cpp): what is read can be written, and is read as the same.

#include "tests/fuzz/fuzz.h"

#include <optional>
#include <string>

#include "sdk/domain/snapshot.h"
#include "sdk/interface/interface.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"
#include "sdk/nodedev/nodedev.h"
#include "sdk/nwfilter/nwfilter.h"
#include "sdk/secret/secret.h"
#include "sdk/storage/pool.h"
#include "sdk/storage/volume.h"

namespace polyvirt::fuzz {
namespace {

using namespace sdk;

using Through = std::optional<std::string> (*)(std::string_view text); // read and written; none if it is refused

template <typename Parsed, typename Format> std::optional<std::string> written(const Parsed& parsed, const Format& format) {
    if (!parsed) return std::nullopt;
    return format(*parsed);
}

struct Kind {
    const char* name;
    Through through;
};
constexpr Kind kKinds[] = {
    {"network", [](std::string_view t) { return written(network::parse_network(t), [](auto& p) { return format_network(p.value); }); }},
    {"port", [](std::string_view t) { return written(network::parse_port(t), [](auto& p) { return format_port(p.value); }); }},
    {"pool", [](std::string_view t) { return written(storage::parse_pool(t), [](auto& p) { return format_pool(p.value); }); }},
    {"volume",
     [](std::string_view t) {
         return written(storage::parse_volume(t, storage::PoolType::dir), [](auto& p) { return format_volume(p.value); });
     }},
    {"node device", [](std::string_view t) { return written(nodedev::parse_device(t), [](auto& p) { return format_device(p.value); }); }},
    {"interface",
     [](std::string_view t) { return written(interface::parse_interface(t), [](auto& p) { return format_interface(p.value); }); }},
    {"secret", [](std::string_view t) { return written(secret::parse_secret(t), [](auto& p) { return format_secret(p.value); }); }},
    {"filter", [](std::string_view t) { return written(nwfilter::parse_filter(t), [](auto& p) { return format_filter(p.value); }); }},
    {"filter binding",
     [](std::string_view t) { return written(nwfilter::parse_binding(t), [](auto& p) { return format_binding(p.value); }); }},
    {"snapshot",
     [](std::string_view t) {
         return written(domain::parse_snapshot(t), [](auto& v) { return format_snapshot(v, {.secure = true}); });
     }},
    {"checkpoint",
     [](std::string_view t) {
         return written(domain::parse_checkpoint(t), [](auto& v) { return format_checkpoint(v, {.secure = true}); });
     }},
    {"backup", [](std::string_view t) { return written(domain::parse_backup(t), [](auto& v) { return format_backup(v); }); }},
};

} // namespace

void fuzz_one(std::span<const std::uint8_t> data) {
    for (const Kind& kind : kKinds) {
        const auto once = kind.through(text(data));
        if (!once) continue;
        const auto twice = kind.through(*once);
        PV_FUZZ_HOLDS(twice, "%s\n%s\n", kind.name, once->c_str());
        PV_FUZZ_HOLDS(once == twice, "%s\n%s\n---\n%s\n", kind.name, once->c_str(), twice->c_str());
    }
}

} // namespace polyvirt::fuzz

PV_FUZZ_HARNESS
