// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: implements<> lists dom_config::undefine, but the driver has no public method
struct Driver : Base {
    using Base::Base;
    using Implements = plugin::implements<ops::dom_config::undefine>;
#ifdef TWIN
    Status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&) { return {}; }
#else
    Status undefine(pv_call*, const pv_obj*, const pv_dom_rename_in&, pv_dom_rename_out&) { return {}; }
#endif
};
PV_PLUGIN(Driver);
