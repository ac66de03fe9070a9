// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: invalid conversion|incompatible function|from incompatible type|cannot initialize
pv_status undefine(pv_inst*, pv_call*, const pv_obj*, const pv_dom_undefine_in*, pv_dom_undefine_out*)
#ifdef TWIN
    noexcept
#endif
{
    return PV_OK;
}
void fill(pv_dom_config& table) { table.undefine = undefine; }
