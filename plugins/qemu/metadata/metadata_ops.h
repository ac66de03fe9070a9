// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MetadataOps: title, description and metadata of domains, and their names.

#include <string>

#include <polyvirt/gen/dom_config.h>

#include "part.h"
#include "sdk/metadata.h"

namespace polyvirt::qemu {

class MetadataOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_config::set_metadata, ops::dom_config::get_metadata, ops::dom_config::rename>;

    pv_status set_metadata(pv_call*, const pv_obj*, const pv_dom_set_metadata_in&, pv_dom_set_metadata_out&);
    pv_status get_metadata(pv_call*, const pv_obj*, const pv_dom_get_metadata_in&, pv_dom_get_metadata_out&);
    pv_status rename(pv_call*, const pv_obj*, const pv_dom_rename_in&, pv_dom_rename_out&);

  private:
    Task set(sdk::OperationPtr op, GuestPtr guest, sdk::MetadataChange change, std::uint32_t flags);
    Task give_name(sdk::OperationPtr op, GuestPtr guest, std::string name);
};

} // namespace polyvirt::qemu
