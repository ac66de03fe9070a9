// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.security: labels of an imaginary security model.

#include "domains.h"
#include "op.h"
#include "sdk/params.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using sdk::ParamWriter;

constexpr const char* kLabel = "libvirt-test"; // what clients know from the peer's driver

class Security : public Ops {
  public:
    using Ops::Ops;

    pv_status security_label(pv_call*, const pv_obj* obj, const pv_dom_security_label_in&, pv_dom_security_label_out& out) {
        if (!is_running(obj)) return PV_OK; // no process, no label
        out.enforcing = 1;
        return put(out.label, kLabel);
    }
    pv_status security_labels(pv_call*, const pv_obj* obj, const pv_dom_security_labels_in&, pv_dom_security_labels_out& out) {
        if (!is_running(obj)) return PV_OK;
        pv_dom_label record{};
        record.size = sizeof record;
        record.label = kLabel;
        record.enforcing = 1;
        s_.build->add_record(out.labels, &record);
        return PV_OK;
    }

  private:
    static bool is_running(const pv_obj* obj) {
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        return guest->active();
    }
};

} // namespace

const void* dom_security_table() {
    static const auto table = make_table<pv_dom_security>([](auto& t) {
        t.security_label = op<"domain.security_label", &Security::security_label>;
        t.security_labels = op<"domain.security_labels", &Security::security_labels>;
    });
    return &table;
}

} // namespace polyvirt::test
