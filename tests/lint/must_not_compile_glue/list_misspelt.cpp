// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: define_xlm
struct Driver : Base {
    using Base::Base;
#ifdef TWIN
    using Implements = plugin::implements<ops::dom_config::define_xml>;
#else
    using Implements = plugin::implements<ops::dom_config::define_xlm>;
#endif
    Status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&) { return {}; }
};
PV_PLUGIN(Driver);
