// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: the driver has a method for dom_config::undefine, but implements<> does not list it
struct Driver : Base {
    using Base::Base;
#ifdef TWIN
    using Implements = plugin::implements<ops::dom_config::define_xml, ops::dom_config::undefine>;
#else
    using Implements = plugin::implements<ops::dom_config::define_xml>;
#endif
    Status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&) { return {}; }
    Status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&) { return {}; }
};
PV_PLUGIN(Driver);
