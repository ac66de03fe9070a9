// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.sto.vol. Entered by the host's workers, in parallel; without state of its own.

#include <polyvirt/gen/sto_vol.h>
#include <polyvirt/implements.h>

#include "driver.h"

namespace polyvirt::storage {

class VolumeOps {
  public:
    using Implements = plugin::implements<ops::sto_vol::create_xml, ops::sto_vol::create_xml_from, ops::sto_vol::remove, ops::sto_vol::info,
                                          ops::sto_vol::xml_desc, ops::sto_vol::resize, ops::sto_vol::wipe, ops::sto_vol::upload,
                                          ops::sto_vol::download>;
    explicit VolumeOps(Driver& driver) : driver_(driver), s_(driver.services()) {}

    // volume_create.cpp
    pv_status create_xml(pv_call*, const pv_obj*, const pv_vol_create_xml_in&, pv_vol_create_xml_out&);
    pv_status create_xml_from(pv_call*, const pv_obj*, const pv_vol_create_xml_from_in&, pv_vol_create_xml_from_out&);
    // volume_ops.cpp
    pv_status remove(pv_call*, const pv_obj*, const pv_vol_remove_in&, pv_vol_remove_out&);
    pv_status info(pv_call*, const pv_obj*, const pv_vol_info_in&, pv_vol_info_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_vol_xml_desc_in&, pv_vol_xml_desc_out&);
    pv_status resize(pv_call*, const pv_obj*, const pv_vol_resize_in&, pv_vol_resize_out&);
    pv_status wipe(pv_call*, const pv_obj*, const pv_vol_wipe_in&, pv_vol_wipe_out&);
    // volume_stream.cpp
    pv_status upload(pv_call*, const pv_obj*, const pv_vol_upload_in&, pv_vol_upload_out&);
    pv_status download(pv_call*, const pv_obj*, const pv_vol_download_in&, pv_vol_download_out&);

  private:
    using VolumeBody = std::function<Task<Status>(const sdk::OperationPtr&, const StorageVolumePtr&)>;
    // Holds the volume's job, on a worker; the task ends the call.
    pv_status with_job(pv_call* call, const StorageVolumePtr& volume, const char* what, VolumeBody body) const;

    Driver& driver_;
    const plugin::Services& s_;
};

// A volume of an active pool, at one moment.
struct VolumeNow {
    StoragePoolPtr pool;
    PoolDocument pool_document;
    VolumeDocument document;
};
// Errors: no_storage_vol, operation_invalid for a pool that is not active, and for a volume in use if `idle`.
Result<VolumeNow> volume_now(const StorageVolumePtr& volume, bool idle = false);
// One user more, who goes with the last copy. Errors: as above.
using VolumeUse = std::shared_ptr<void>;
Result<VolumeUse> use_volume(const StorageVolumePtr& volume);
// Brings what is known of the volume up to date.
Task<Status> look_again(Driver* driver, StorageVolumePtr volume);

} // namespace polyvirt::storage
