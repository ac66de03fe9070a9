// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/host_table.h"

#include <unordered_map>

namespace polyvirt::dispatch {
namespace {

std::uint64_t key_of(std::uint32_t program, std::int32_t proc) {
    return static_cast<std::uint64_t>(program) << 32 | static_cast<std::uint32_t>(proc);
}

std::unordered_map<std::uint64_t, HostFn> collect() {
    std::unordered_map<std::uint64_t, HostFn> all;
    for (const auto table : {spec_answers(), auth_answers(), polkit_answers(), admin_answers(), admin_server_answers(), polyvirt_answers()})
        for (const HostAnswer& a : table) all.emplace(key_of(a.program, a.proc), a.function);
    return all;
}

} // namespace

HostFn find_answer(std::uint32_t program, std::int32_t proc) {
    static const auto kAll = collect();
    const auto found = kAll.find(key_of(program, proc));
    return found != kAll.end() ? found->second : nullptr;
}

} // namespace polyvirt::dispatch
