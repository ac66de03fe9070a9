// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.config: the persistent description of domains, what users write about one, and its name.

#include <string>

#include <polyvirt/gen/dom_config.h>

#include "ops/part.h"
#include "sdk/metadata.h"

namespace polyvirt::lxc {

class ConfigOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_config::define_xml, ops::dom_config::undefine, ops::dom_config::xml_desc,
                           ops::dom_config::os_type, ops::dom_config::set_autostart, ops::dom_config::set_metadata,
                           ops::dom_config::get_metadata, ops::dom_config::rename>;

    pv_status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&);
    pv_status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_dom_xml_desc_in&, pv_dom_xml_desc_out&);
    pv_status os_type(pv_call*, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out&);
    pv_status set_autostart(pv_call*, const pv_obj*, const pv_dom_set_autostart_in&, pv_dom_set_autostart_out&);
    pv_status set_metadata(pv_call*, const pv_obj*, const pv_dom_set_metadata_in&, pv_dom_set_metadata_out&);
    pv_status get_metadata(pv_call*, const pv_obj*, const pv_dom_get_metadata_in&, pv_dom_get_metadata_out&);
    pv_status rename(pv_call*, const pv_obj*, const pv_dom_rename_in&, pv_dom_rename_out&);

  private:
    Task forget(GuestPtr guest) const;
    Task start_with_host(sdk::OperationPtr op, GuestPtr guest, bool wanted) const;
    Task set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange change, std::uint32_t flags) const;
    Task give_name(sdk::OperationPtr op, GuestPtr guest, std::string name) const;
};

} // namespace polyvirt::lxc
