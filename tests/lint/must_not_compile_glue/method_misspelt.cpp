// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: implements<> lists dom_config::define_xml, but the driver has no public method
struct Driver : Base {
    using Base::Base;
    using Implements = plugin::implements<ops::dom_config::define_xml>;
#ifdef TWIN
    Status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&) { return {}; }
#else
    Status define_xlm(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&) { return {}; }
#endif
};
PV_PLUGIN(Driver);
