// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SnapshotOps: pv.dom.snapshot. What a snapshot keeps is in moments/snapshot_plan.h, where it is written down in
// moments/store.h.

#include <memory>
#include <vector>

#include <polyvirt/gen/dom_snapshot.h>

#include "part.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

struct Overlay;

class SnapshotOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_snapshot::create_xml, ops::dom_snapshot::xml_desc, ops::dom_snapshot::revert, ops::dom_snapshot::remove>;

    pv_status create_xml(pv_call*, const pv_obj*, const pv_snapshot_create_xml_in&, pv_snapshot_create_xml_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_snapshot_xml_desc_in&, pv_snapshot_xml_desc_out&);
    pv_status revert(pv_call*, const pv_obj*, const pv_snapshot_revert_in&, pv_snapshot_revert_out&);
    pv_status remove(pv_call*, const pv_obj*, const pv_snapshot_remove_in&, pv_snapshot_remove_out&);

  private:
    using Snapshot = sdk::domain::Snapshot;
    // One that is being made.
    struct Taking {
        std::shared_ptr<Snapshot> snapshot; // with the descriptions
        std::string parent;
        std::uint32_t flags = 0;
        bool active = false;
        bool was_running = false;
    };

    Task create(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags, pv_snapshot_create_xml_out* out);
    Status redefine(const sdk::OperationPtr& op, const GuestPtr& guest, Snapshot snapshot, std::uint32_t flags, pv_snapshot_create_xml_out& out);
    [[nodiscard]] Result<Taking> prepare(const GuestPtr& guest, Snapshot snapshot, std::uint32_t flags);
    // On disk, then published; current if it is to be. `out`: null where nobody wants it.
    Status keep(const sdk::OperationPtr& op, const GuestPtr& guest, const Snapshot& snapshot, const std::string& parent, bool current,
                pv_snapshot_create_xml_out* out);
    Status halt(const GuestPtr& guest);

    // snapshot_take.cpp
    Task take(GuestPtr guest, Taking taking);
    Status take_inactive(const GuestPtr& guest, const Taking& taking);
    Task take_internal(GuestPtr guest, RunPtr run, Taking taking);
    Task take_external(GuestPtr guest, RunPtr run, Taking taking);
    Task take_outside(GuestPtr guest, RunPtr run, Taking taking);

    // snapshot_external.cpp
    Status write_down(const GuestPtr& guest, const std::vector<Overlay>& overlays, bool back);
    Task take_overlays(GuestPtr guest, RunPtr run, std::shared_ptr<std::vector<Overlay>> overlays);
    Task keep_memory(GuestPtr guest, RunPtr run, Taking taking);

    // snapshot_revert.cpp
    Task revert_to(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags);

    // snapshot_remove.cpp
    Task remove_some(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags);
    Task remove_one(GuestPtr guest, std::string name, bool data);
    Task remove_data(GuestPtr guest, Snapshot snapshot);
};

} // namespace polyvirt::qemu
