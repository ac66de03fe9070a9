// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// HostDevices: devices of this host on their way to guests and back. One for the driver.
//
// In two steps, so that the daemon may die at any line: reserve() says which devices the guest is to have and what of them
// would be changed, and keeps all others off; the caller writes that down (status record), then apply() takes them from
// the host. give_back() undoes whatever was done, also nothing.
//
// Workers and start-up: reads and writes the kernel's files, and loads modules.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hostdev/functions.h"
#include "hostdev/held.h"
#include "hostdev/holdings.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

class HostDevices {
  public:
    using Load = std::function<void(const char* module)>; // a module of the kernel; what comes of it is looked at afterwards
    HostDevices(std::unique_ptr<const Sysfs> host, Load load, Cards cards = {})
        : host_(std::move(host)), load_(std::move(load)), cards_(std::move(cards)) {}

    [[nodiscard]] const Sysfs& host() const { return *host_; }
    // What only this host knows of a device, into the description: where a USB one is, that a PCI one goes by VFIO. `booting`: what
    // must be there when its guest boots is required. Errors: there is none, or several; this host gives none away.
    [[nodiscard]] Status find(sdk::domain::Hostdev& device, bool booting) const;
    // Those of `devices` that are the host's, for a guest that is to have them; aliases are assigned. Errors: operation_invalid, somebody has one; those of what there isn't, or cannot be given away; nothing is reserved then.
    [[nodiscard]] Result<std::vector<HeldDevice>> reserve(const std::string& guest, const sdk::domain::Devices& devices);
    [[nodiscard]] Status apply(const std::vector<HeldDevice>& devices) const;
    // What the guest doesn't have is left alone. Where the host does not take one back the log says so.
    void give_back(const std::string& guest, const std::vector<HeldDevice>& devices);
    // What a guest has that an earlier daemon started.
    void restore(const std::string& guest, const std::vector<HeldDevice>& devices) { holdings_.restore(guest, devices); }

  private:
    [[nodiscard]] Result<std::vector<HeldDevice>> look_at(const sdk::domain::Devices& devices) const;
    [[nodiscard]] Result<HeldDevice> look_at(const sdk::domain::Hostdev& device) const;
    [[nodiscard]] Status check_groups(const std::string& guest, const std::vector<HeldDevice>& devices) const;

    const std::unique_ptr<const Sysfs> host_;
    const Load load_;
    const Cards cards_;
    Holdings holdings_;
};

} // namespace polyvirt::qemu
