// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// CheckpointOps: pv.dom.checkpoint. A checkpoint is a dirty bitmap in each of its disks' images, from its moment on; every
// bitmap goes on counting, so one can go without its neighbours knowing. Backups: moments/backup.h.

#include <memory>

#include <polyvirt/gen/dom_checkpoint.h>

#include "part.h"
#include "save/jobs.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

struct BackupPlan;

class CheckpointOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_checkpoint::create_xml, ops::dom_checkpoint::xml_desc, ops::dom_checkpoint::remove,
                                          ops::dom_checkpoint::backup_begin, ops::dom_checkpoint::backup_xml_desc>;

    pv_status create_xml(pv_call*, const pv_obj*, const pv_checkpoint_create_xml_in&, pv_checkpoint_create_xml_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_checkpoint_xml_desc_in&, pv_checkpoint_xml_desc_out&);
    pv_status remove(pv_call*, const pv_obj*, const pv_checkpoint_remove_in&, pv_checkpoint_remove_out&);
    pv_status backup_begin(pv_call*, const pv_obj*, const pv_checkpoint_backup_begin_in&, pv_checkpoint_backup_begin_out&);
    pv_status backup_xml_desc(pv_call*, const pv_obj*, const pv_checkpoint_backup_xml_desc_in&, pv_checkpoint_backup_xml_desc_out&);

    // A guest that an earlier daemon started is managed again: the backup that it has is watched on. Any thread.
    void adopted(const GuestPtr& guest);

  private:
    using Checkpoint = sdk::domain::Checkpoint;

    Task create(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, pv_checkpoint_create_xml_out* out);
    Status redefine(const sdk::OperationPtr& op, const GuestPtr& guest, Checkpoint checkpoint, pv_checkpoint_create_xml_out& out);
    // One that is to be made: complete, of a running guest. `parent`: what it comes after.
    [[nodiscard]] Result<Checkpoint> prepare(const GuestPtr& guest, Checkpoint checkpoint, std::string& parent);
    Status keep(const sdk::OperationPtr& op, const GuestPtr& guest, Checkpoint checkpoint, const std::string& parent, bool current,
                std::uint64_t* handle);
    Task remove_some(GuestPtr guest, std::string name, std::uint32_t flags);
    Task remove_one(GuestPtr guest, std::string name, bool data);
    // backup_ops.cpp
    Task back_up(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::string checkpoint_xml, std::uint32_t flags);
    Task begin_backup(GuestPtr guest, RunPtr run, std::shared_ptr<BackupPlan> plan, const Checkpoint* checkpoint, std::uint32_t flags,
                      bool* served);
    Task see_through(sdk::OperationPtr op, GuestPtr guest, RunPtr run, std::shared_ptr<BackupPlan> plan, JobTicketPtr ticket);
    Task take_up(sdk::OperationPtr op, GuestPtr guest);
    Task describe_sizes(GuestPtr guest, Checkpoint checkpoint, sdk::domain::MomentFormat how, pv_sink* sink);
};

} // namespace polyvirt::qemu
