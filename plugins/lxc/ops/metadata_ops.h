// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What users write about a domain, and its name.

#include <polyvirt/gen/dom_config.h>

#include "ops/part.h"
#include "sdk/metadata.h"

namespace polyvirt::lxc {

class MetadataOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_config::set_metadata, ops::dom_config::get_metadata, ops::dom_config::rename>;

    pv_status set_metadata(pv_call*, const pv_obj*, const pv_dom_set_metadata_in&, pv_dom_set_metadata_out&);
    pv_status get_metadata(pv_call*, const pv_obj*, const pv_dom_get_metadata_in&, pv_dom_get_metadata_out&);
    pv_status rename(pv_call*, const pv_obj*, const pv_dom_rename_in&, pv_dom_rename_out&);

  private:
    Task set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange wanted, std::uint32_t flags) const;
    Task give_name(sdk::OperationPtr op, GuestPtr guest, std::string name) const;
};

} // namespace polyvirt::lxc
