// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Device: one device of any kind, as clients attach, detach and update it; which list of a domain it stands in, and
// by what its owner knows it. One row per kind in PV_DEVICE_KINDS serves all of it.
//
//     PV_ASSIGN_OR_RETURN(Device device, parse_device(text, {.inactive = true}));
//     PV_ASSIGN_OR_RETURN(const std::size_t at, find_device(domain.devices, device, ErrorDomain::qemu));
//
// Plain values, no thread, no lock.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error_text.h"
#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {

// Name and element, type, member of Devices, and the rules of a persistent description: what may be attached,
// detached, updated.
#define PV_DEVICE_KINDS(X)                                                                                             \
    X(disk, Disk, disks, true, true, true)                                                                             \
    X(controller, Controller, controllers, true, true, false)                                                          \
    X(lease, Lease, leases, true, true, false)                                                                         \
    X(filesystem, Filesystem, filesystems, true, true, false)                                                          \
    X(interface, Interface, interfaces, true, true, true)                                                              \
    X(smartcard, Smartcard, smartcards, false, false, false)                                                           \
    X(serial, Chardev, serials, true, true, false)                                                                     \
    X(parallel, Chardev, parallels, true, true, false)                                                                 \
    X(console, Chardev, consoles, true, true, false)                                                                   \
    X(channel, Chardev, channels, true, true, false)                                                                   \
    X(input, Input, inputs, true, true, false)                                                                         \
    X(tpm, Tpm, tpms, false, false, false)                                                                             \
    X(graphics, Graphics, graphics, false, false, true)                                                                \
    X(sound, Sound, sounds, true, true, false)                                                                         \
    X(audio, Audio, audios, false, false, false)                                                                       \
    X(video, Video, videos, false, false, false)                                                                       \
    X(hostdev, Hostdev, hostdevs, true, true, false)                                                                   \
    X(redirdev, Redirdev, redirdevs, true, true, false)                                                                \
    X(hub, Hub, hubs, false, false, false)                                                                             \
    X(watchdog, Watchdog, watchdogs, true, true, false)                                                                \
    X(memballoon, Memballoon, memballoon, false, false, false)                                                         \
    X(rng, Rng, rngs, true, true, false)                                                                               \
    X(nvram, NvramDevice, nvrams, false, false, false)                                                                 \
    X(panic, Panic, panics, false, false, false)                                                                       \
    X(shmem, Shmem, shmems, true, true, false)                                                                         \
    X(memory, MemoryDevice, memories, true, true, true)                                                                \
    X(crypto, Crypto, cryptos, false, false, false)                                                                    \
    X(iommu, Iommu, iommu, false, false, false)                                                                        \
    X(vsock, Vsock, vsock, true, true, false)

enum class DeviceKind : std::uint8_t {
#define PV_KIND_NAME(name, ...) name,
    PV_DEVICE_KINDS(PV_KIND_NAME)
#undef PV_KIND_NAME
};
enum class DeviceVerb : std::uint8_t { attach, detach, update };

std::string_view element_of(DeviceKind kind);
// Whether a persistent description takes it.
bool in_config(DeviceKind kind, DeviceVerb verb);

struct Device {
    DeviceKind kind{};
    std::variant<Disk, Controller, Lease, Filesystem, Interface, Smartcard, Chardev, Input, Tpm, Graphics, Sound, Audio, Video,
                 Hostdev, Redirdev, Hub, Watchdog, Memballoon, Rng, NvramDevice, Panic, Shmem, MemoryDevice, Crypto, Iommu, Vsock>
        value;

    template <typename T> [[nodiscard]] T& as() { return std::get<T>(value); }
    template <typename T> [[nodiscard]] const T& as() const { return std::get<T>(value); }
    // Null: leases and audio backends have neither address nor alias.
    [[nodiscard]] DeviceInfo* info();
    [[nodiscard]] const DeviceInfo* info() const { return const_cast<Device*>(this)->info(); }
};

// Calls `f` with the list of a kind: a vector, or an optional of what there is one of at most.
template <typename D, typename F> decltype(auto) with_devices(D& devices, DeviceKind kind, F&& f) {
    switch (kind) {
#define PV_KIND_CASE(name, type, list, ...)                                                                            \
    case DeviceKind::name: return f(devices.list);
        PV_DEVICE_KINDS(PV_KIND_CASE)
#undef PV_KIND_CASE
    }
    return f(devices.disks);
}

// Which device of a domain: valid until the list changes.
struct DeviceRef {
    DeviceKind kind{};
    std::size_t index = 0;
};

// The element of one device. `inactive`: what only a running guest has is dropped.
// Errors: xml_error, config_unsupported for an element that is no device.
Result<Device> parse_device(std::string_view text, bool inactive);

std::size_t count_devices(const Devices& devices, DeviceKind kind);
Device device_at(const Devices& devices, DeviceRef ref);
DeviceInfo* info_at(Devices& devices, DeviceRef ref);
// Behind those that there are. What there is one of at most is replaced.
void add_device(Devices& devices, Device device);
void remove_device(Devices& devices, DeviceRef ref);
// Where the document's order has it, and counted: what passes have completed already.
void insert_device(Domain& domain, Device device);
void replace_device(Devices& devices, DeviceRef ref, Device device);
std::optional<DeviceRef> find_alias(const Devices& devices, std::string_view alias);

// What the device would be with the defaults of `around` filled in: `defaults` completes a domain that has this device
// alone. Addresses stay as they were said.
Result<Device> with_defaults(const Domain& around, Device device, const std::function<Status(Domain&)>& defaults);

// The device that the description means; a completed one, but for interfaces, whose MAC counts if it was said.
// Errors, of `from`: device_missing or as the peer has it for this kind; operation_failed where several fit.
Result<DeviceRef> find_device(const Devices& devices, const Device& wanted, ErrorDomain from, DeviceVerb verb = DeviceVerb::detach);

// The three changes of a document; the passes are left to the caller. Errors: operation_unsupported for a kind that
// cannot come and go, operation_invalid for what is there already, those of find_device().
Status attach_device(Domain& domain, Device device, ErrorDomain from);
Status detach_device(Domain& domain, const Device& wanted, ErrorDomain from);
Status update_device(Domain& domain, Device device, ErrorDomain from);
// A device whose place is known goes, and what the document counts of it.
void detach_device_at(Domain& domain, DeviceRef ref);
// Controllers that passes have put behind the others go where reading the document would put them.
void order_as_read(Domain& domain);
// What attach_device() refuses for being there already or having no place.
Status check_attach(const Domain& domain, const Device& device, ErrorDomain from);

} // namespace polyvirt::sdk::domain
