// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SaveStore: where managed saves are, and what must be known of a save that this daemon may not finish. The image is
// written under another name; when it is whole, that is written down; then the emulator ends; then it gets its name. So there is
// never a half image, never an image of a guest that goes on, and never a guest without one or the other. Workers and
// start-up.

#include <set>
#include <string>

#include "guest.h"
#include "sdk/records.h"

namespace polyvirt::qemu {

class Driver;

class SaveStore {
  public:
    explicit SaveStore(const plugin::Services& s);

    // Where a guest's own image is. `make`: its folder is there afterwards.
    [[nodiscard]] std::string managed_path(const std::string& guest) const;
    Status make_folder() const;

    // A save that is under way: `temporary` becomes `final` once it is whole and the guest is off.
    struct Saving {
        std::string temporary, final;
        bool whole = false, managed = false;
        std::int32_t run = 0; // the guest's id: a later run of it is not what was saved
    };
    Status put(const Uuid& guest, const Saving& saving, pv_call* call) const;
    Status remove(const Uuid& guest) const;

    // [init] Finishes or clears away what an earlier daemon had begun, and finds managed saves. After guests that run are known:
    // those are returned that are saved and whose emulators, if they are there still, were about to end.
    [[nodiscard]] std::set<Uuid> load(Driver& driver) const PV_NO_LOCKS_HELD;

  private:
    void recover(Driver& driver, const std::string& record, std::string_view text, std::set<Uuid>& saved) const;

    const plugin::Services& s_;
    const sdk::Records records_;
};

// The image gets its name.
Status publish_image(const SaveStore::Saving& saving);

} // namespace polyvirt::qemu
