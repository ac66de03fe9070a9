// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A driver that fills every result of every op (fill_out.cpp is generated from the spec).

#include <cstdint>

#include <polyvirt/abi/build.h>

namespace polyvirt::test {

// Numbers become 7, texts the name of their field, lists have an item or two. `handles`: an object of each
// kind, by PV_KIND_*.
void fill_out(std::uint32_t op, void* at, const pv_svc_build& build, const std::uint64_t* handles);

// One parameter of each type.
inline void add_params(const pv_svc_build& build, pv_params* to) {
    pv_param p{};
    const auto add = [&](const char* field, std::int32_t type) {
        p.field = field;
        p.type = type;
        build.add_param(to, &p);
        p = {};
    };
    p.v.i = -1;
    add("int", PV_PARAM_INT);
    p.v.ui = 2;
    add("uint", PV_PARAM_UINT);
    p.v.l = -3;
    add("llong", PV_PARAM_LLONG);
    p.v.ul = 4;
    add("ullong", PV_PARAM_ULLONG);
    p.v.d = 0.5;
    add("double", PV_PARAM_DOUBLE);
    p.v.b = 1;
    add("boolean", PV_PARAM_BOOLEAN);
    p.v.s = "text";
    add("string", PV_PARAM_STRING);
}

} // namespace polyvirt::test
