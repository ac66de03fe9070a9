// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.caps: what the imaginary host can do.

#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

class Caps : public Ops {
  public:
    using Ops::Ops;

    pv_status type(pv_call*, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out& out) {
        plugin::write(s_, out.type, "TEST");
        return PV_OK;
    }
    pv_status version(pv_call*, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out& out) {
        out.version = 2; // 0.0.2
        return PV_OK;
    }
};

} // namespace

const void* hv_caps_table() {
    static const auto table = make_table<pv_hv_caps>([](auto& t) {
        t.type = op<"host.type", &Caps::type>;
        t.version = op<"host.version", &Caps::version>;
    });
    return &table;
}

} // namespace polyvirt::test
