// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Changes of a running guest's devices, for DeviceOps and for what the emulator tells. With the guest's job held.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "devices/plug.h"
#include "driver.h"
#include "ownership/needs.h"
#include "run.h"

namespace polyvirt::qemu {

// "operation is not supported" with what is wrong.
template <typename... A> Error unsupported(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, f, std::forward<A>(a)...);
}

// How long a guest is waited for that is asked to let go of a device.
inline constexpr std::int64_t kRemovalPatience = 5'000'000'000;

// What an attach will do, thought out before the emulator is asked for anything.
struct AttachPlan {
    sdk::domain::Device device;                     // as it will stand in the document
    std::vector<sdk::domain::Device> controllers;   // that must come first
    std::vector<Plug> plugs;                        // theirs, then its own
    std::map<std::string, UniqueFd> descriptors{};    // by the names that the steps take them by
    std::vector<Need> needs{};                        // files that the emulator opens
    sdk::domain::Devices taken{};                     // from the host: the device itself, if it is one of those
    std::uint64_t locked = 0;                         // bytes of memory that the emulator may lock with it; 0: as before
};
using AttachPlanPtr = std::shared_ptr<AttachPlan>;

// What the peer fills in for devices that come later, and leaves open for those that were there.
void fill_attached(sdk::domain::Device& device);
// What is wrong with a device in this machine is said before it is looked whether it can come. `device`: as it was
// written, `full`: with defaults.
Status check_attached(const Domain& domain, const sdk::domain::Device& device, const sdk::domain::Device& full, bool spice_tls);

// Worker: looks at files. Errors: the document's, the peer's refusals, no place for it.
Result<AttachPlanPtr> plan_attach(Driver& driver, const GuestPtr& guest, const RunPtr& run, const std::string& xml, pv_call* call);

// What a command line is made of for a guest that runs already; the resources must outlive it.
CommandContext live_context(Driver& driver, const Run& run, const Domain& domain, const HostResources* host);

// The server of a file system that wants one. Worker; the plan is written down. Errors: those of FsServers::start().
Status start_server(const RunPtr& run, AttachPlan& plan, pv_call* call) PV_NO_LOCKS_HELD;

// The emulator does all of it, or (if one step fails, whose error this is) nothing is left of it. Fills in what it
// chose: paths of terminals.
sdk::Task<Status> plug_in(RunPtr run, AttachPlanPtr plan);

// The images of a disk: what is below, as the files say, and a number for each. Worker.
Status settle_images(const GuestPtr& guest, sdk::domain::Disk& disk);
// What is in a drive, to tell whether another medium is another; empty: nothing.
std::string medium_of(const sdk::domain::Disk& disk);
// A drive gets another medium or none. `force`: though the guest holds its tray locked. Worker.
sdk::Task<Status> change_medium(GuestPtr guest, RunPtr run, sdk::domain::Disk old, sdk::domain::Disk changed, bool force);

// Files of the host that the emulator opens for a device.
Result<std::vector<Need>> needs_of_device(const sdk::domain::Device& device);

// What may be unplugged from a running guest. Errors: operation_unsupported, operation_failed for what is in use.
Status check_unplug(const Domain& live, sdk::domain::DeviceRef ref);
// Asks for the removal; where `wait`, waits for it for kRemovalPatience. Errors: operation_failed where the guest
// refuses. Without an error the device may still be there.
sdk::Task<Status> unplug(GuestPtr guest, RunPtr run, std::string alias, bool wait);
// The device has gone from the emulator: clears up what was behind it, then the document, then tells. Loop.
sdk::Task<Status> finish_removal(GuestPtr guest, RunPtr run, std::string alias);

// What only the emulator knows of a device that it has got: its terminal, where a module came to lie. Loop.
sdk::Task<Status> learn_device(RunPtr run, std::shared_ptr<sdk::domain::Device> device);

// Rows of Run::kEvents. Loop.
void on_device_deleted(Run& run, const QmpEvent& event);
void on_unplug_error(Run& run, const QmpEvent& event);
void on_tray_moved(Run& run, const QmpEvent& event);
// After the daemon's restart, with the guest's job: what has gone meanwhile, and what was being plugged in when it ended.
sdk::Task<Status> reconcile_devices(GuestPtr guest, RunPtr run);

} // namespace polyvirt::qemu
