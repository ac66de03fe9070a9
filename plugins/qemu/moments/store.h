// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MomentStore: the snapshots and checkpoints of guests on disk, one record each, and which is the current one. The records
// are what counts: guests hold the documents without the descriptions inside, which are read when they are asked for.
//
//   snapshots/UUID.NAME.xml     the document, with passwords, parent and all
//   snapshots/UUID.current      the name of the current one
//
// and the same under checkpoints/. By uuid, so that a guest's new name changes nothing. Workers and start-up.

#include <string>
#include <vector>

#include "base/uuid.h"
#include "guest.h"
#include "sdk/domain/snapshot.h"
#include "sdk/records.h"

namespace polyvirt::qemu {

class Driver;

class MomentStore {
  public:
    explicit MomentStore(const plugin::Services& s);

    Status put(const Uuid& guest, const sdk::domain::Snapshot& snapshot, pv_call* call) const;
    Status put(const Uuid& guest, const sdk::domain::Checkpoint& checkpoint, pv_call* call) const;
    // With the descriptions. Error: no_domain_snapshot, no_domain_checkpoint, or that of what cannot be read.
    [[nodiscard]] Result<sdk::domain::Snapshot> snapshot(const Uuid& guest, const std::string& name) const;
    [[nodiscard]] Result<sdk::domain::Checkpoint> checkpoint(const Uuid& guest, const std::string& name) const;
    Status remove_snapshot(const Uuid& guest, const std::string& name) const;
    Status remove_checkpoint(const Uuid& guest, const std::string& name) const;
    // Empty: none is.
    Status put_current(std::uint32_t kind, const Uuid& guest, const std::string& name, pv_call* call) const;
    // Brings parents on disk up to date with the guest's tree: those that `names` gives.
    Status put_parents(const GuestPtr& guest, std::uint32_t kind, const std::vector<std::string>& names, pv_call* call) const;

    // [init] Gives guests what was written of them. What belongs to none, or cannot be read, is set aside.
    void load(Driver& driver) const PV_NO_LOCKS_HELD;
    // All of one that is gone, or that nobody needs any more. Leaves the guest's own tables alone.
    Status forget(const Uuid& guest, const std::vector<std::string>& snapshots, const std::vector<std::string>& checkpoints) const;

    // The same of one that is off and goes, with its tables.
    Status forget_all(const GuestPtr& guest) const;
    // Whether it may go: `flags` (PV_DOMAIN_UNDEFINE_*) say what of it goes too.
    static Status may_undefine(Guest& guest, std::uint32_t flags);

  private:
    const plugin::Services& s_;
    const sdk::Records records_;
};

// What is in the record's name for that of a moment: short, and good in a file's name.
std::string record_name(std::string_view folder, const Uuid& guest, const std::string& name);

Error no_snapshot(std::string_view name);
Error no_checkpoint(std::string_view name);

} // namespace polyvirt::qemu
