// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.hv.caps: what the hypervisor is; and descriptions in liblxc's own language.

#include <polyvirt/gen/hv_caps.h>

#include "ops/part.h"

namespace polyvirt::lxc {

class HostOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::hv_caps::type, ops::hv_caps::version, ops::hv_caps::capabilities,
                                          ops::hv_caps::security_model, ops::hv_caps::domain_xml_from_native>;

    pv_status type(pv_call*, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out&);
    pv_status version(pv_call*, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out&);
    pv_status capabilities(pv_call*, const pv_obj*, const pv_hv_capabilities_in&, pv_hv_capabilities_out&);
    pv_status security_model(pv_call*, const pv_obj*, const pv_hv_security_model_in&, pv_hv_security_model_out&);
    pv_status domain_xml_from_native(pv_call*, const pv_obj*, const pv_hv_domain_xml_from_native_in&,
                                     pv_hv_domain_xml_from_native_out&);
};

} // namespace polyvirt::lxc
