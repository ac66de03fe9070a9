// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Holdings: which guest has which device of this host; of the whole driver. A device has one guest, or several that all
// share it. Nothing but a table: looking costs the same however many devices are held. Any thread; its lock is a leaf.

#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "hostdev/held.h"

namespace polyvirt::qemu {

class Holdings {
  public:
    // All of them or none. Errors: operation_invalid in the peer's words, where one has another guest, or this one already.
    [[nodiscard]] Status take(const std::string& guest, const std::vector<HeldDevice>& devices);
    // What the guest doesn't have is left alone.
    void release(const std::string& guest, const std::vector<HeldDevice>& devices);
    // What the records of an earlier daemon say.
    void restore(const std::string& guest, const std::vector<HeldDevice>& devices);
    // Empty: nobody.
    [[nodiscard]] std::string holder(HostKind kind, const std::string& name) const;

  private:
    struct Held {
        std::vector<std::string> guests; // several only where all share
        bool shared = false;
    };
    mutable Mutex mu_{Rank::leaf};
    std::unordered_map<std::string, Held> held_ PV_GUARDED_BY(mu_);
};

// "PCI device X is in use by driver QEMU, domain Y".
Error in_use(HostKind kind, const std::string& name, const std::string& guest);

} // namespace polyvirt::qemu
