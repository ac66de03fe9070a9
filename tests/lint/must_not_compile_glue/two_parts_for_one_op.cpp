// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: two classes of the driver have a method for one op|not a constant expression
struct Networks {
    using Implements = plugin::implements<ops::net_network::undefine>;
    Status undefine(pv_call*, const pv_obj*, const pv_net_undefine_in&, pv_net_undefine_out&) { return {}; }
};
struct More {
#ifdef TWIN
    using Implements = plugin::implements<ops::dom_config::undefine>;
    Status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&) { return {}; }
#else
    using Implements = plugin::implements<ops::net_network::undefine>;
    Status undefine(pv_call*, const pv_obj*, const pv_net_undefine_in&, pv_net_undefine_out&) { return {}; }
#endif
};
struct Driver : Base {
    using Base::Base;
    using Implements = plugin::implements<>;
    Networks networks;
    More more;
    using Parts = plugin::parts<&Driver::networks, &Driver::more>;
};
PV_PLUGIN(Driver);
