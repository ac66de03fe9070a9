// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: cannot convert|invalid conversion|incompatible|from incompatible type
struct Driver : Base {
    using Base::Base;
    pv_status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&) { return PV_OK; }
};
#ifdef TWIN
void fill(pv_dom_config& table) { table.undefine = plugin::slot<&Driver::undefine>; }
#else
void fill(pv_dom_config& table) { table.rename = plugin::slot<&Driver::undefine>; }
#endif
