// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Devices of the imaginary host: those of its document, virtual Fibre Channel adapters and mediated devices that
// clients make. Any thread.

#include "described.h"
#include "sdk/nodedev/nodedev.h"

namespace polyvirt::test {

struct HostDevice : sdk::Object {
    explicit HostDevice(std::string object_name) : Object(Uuid{}, std::move(object_name)) {}
    std::shared_ptr<const sdk::nodedev::Device> document PV_GUARDED_BY(mu);
    bool active PV_GUARDED_BY(mu) = false;
    bool persistent PV_GUARDED_BY(mu) = false; // there without being defined: false
    bool autostart PV_GUARDED_BY(mu) = false;
    std::string host_driver PV_GUARDED_BY(mu); // while it is detached: what gets it back
    bool detached PV_GUARDED_BY(mu) = false;
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
};
using HostDevicePtr = std::shared_ptr<HostDevice>;
using DescribedDevice = DescribedObject<sdk::nodedev::Device>;

class NodeDevices final : public Part {
  public:
    using Table = NameTable<HostDevice>;
    using Change = std::function<Status(HostDevice&)>; // under the device's lock

    explicit NodeDevices(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "device"; }
    Status load(const sdk::xml::Node& element) override;

    static HostDevicePtr of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Result<DescribedDevice> parse(std::string_view xml) const;
    // Completes a description of a device that is to be made: its name and what its parent says. A vHBA is made at
    // once (`active`); a mediated device that, or defined for later.
    Result<std::uint64_t> make(pv_call* call, DescribedDevice described, bool active) PV_NO_LOCKS_HELD;
    // Runs `change` unless it has gone; one that is neither there nor defined afterwards goes.
    Status change(const HostDevicePtr& device, const Change& change) PV_NO_LOCKS_HELD;
    void set_active(HostDevice& device, bool active) const PV_REQUIRES(device.mu);
    void show(HostDevice& device) const PV_REQUIRES(device.mu);
    void post(const HostDevice& device, std::int32_t event) const PV_REQUIRES(device.mu);
    void post_update(const HostDevice& device) const PV_REQUIRES(device.mu);

  private:
    Result<std::uint64_t> add(pv_call* call, const DescribedDevice& described, bool active, bool persistent);
    [[nodiscard]] Result<HostDevicePtr> parent_of(const sdk::nodedev::Device& device) const;
    [[nodiscard]] std::string next_adapter(std::uint64_t& number) const;

    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
};

} // namespace polyvirt::test
