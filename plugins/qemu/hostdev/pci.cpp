// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/pci.h"

#include <algorithm>
#include <cerrno>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kVfio = "vfio-pci";
constexpr const char* kVfioDriver = "/sys/bus/pci/drivers/vfio-pci";
constexpr const char* kGroups = "/sys/kernel/iommu_groups";
constexpr std::uint32_t kBridgeClass = 0x06; // the highest byte of a class

std::string pci_folder(const std::string& name) { return "/sys/bus/pci/devices/" + name; }
std::string driver_of(const Sysfs& host, const std::string& name) { return host.target(pci_folder(name) + "/driver"); }
std::string group_of(const Sysfs& host, const std::string& name) { return host.target(pci_folder(name) + "/iommu_group"); }

bool is_bridge(const Sysfs& host, const std::string& name) {
    return host.number(pci_folder(name) + "/class", 16).value_or(0) >> 16 == kBridgeClass;
}

// The kernel shows "(null)" where there is none.
std::string pinned_of(const Sysfs& host, const std::string& name) {
    std::string pinned = host.text(pci_folder(name) + "/driver_override");
    if (pinned == "(null)") pinned.clear();
    return pinned;
}

Status pin(const Sysfs& host, const std::string& name, const std::string& driver) {
    return host.write(pci_folder(name) + "/driver_override", driver + "\n");
}

} // namespace

std::string pci_name(const sdk::domain::HostAddress& a) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", a.domain.value_or(0), a.bus.value_or(0), a.slot.value_or(0), a.function.value_or(0));
}

Status check_vfio(const Sysfs& host, const std::string& driver, const std::function<void(const char*)>& load) {
    if (driver == "kvm")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "host doesn't support legacy PCI passthrough");
    if (driver == "xen")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "QEMU does not support device assignment mode 'xen'");
    const auto refuse = [&](std::string_view why) {
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "host doesn't support {}: {}",
                          driver == "vfio" ? "VFIO PCI passthrough" : "passthrough of host PCI devices", why);
    };
    const auto groups = host.names(kGroups);
    if (!groups || groups->empty()) return refuse("it has no IOMMU, or that is not enabled (intel_iommu=on, amd_iommu=on)");
    if (!host.exists(kVfioDriver)) load(kVfio);
    if (!host.exists(kVfioDriver)) return refuse("its kernel has no driver vfio-pci");
    if (!host.exists("/dev/vfio/vfio")) return refuse("it has no /dev/vfio/vfio");
    return {};
}

Result<HeldDevice> held_pci(const Sysfs& host, const sdk::domain::HostAddress& address, bool managed) {
    HeldDevice d{.kind = HostKind::pci, .name = pci_name(address), .alias = {}};
    const std::string config = pci_folder(d.name) + "/config";
    if (!host.exists(config))
        return make_system_error(ENOENT, ErrorDomain::none, fmt::format("Device {} not found: could not access {}", d.name, config));
    if (is_bridge(host, d.name))
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "Non-endpoint PCI devices cannot be assigned to guests: {} is a bridge", d.name);
    const std::string group = group_of(host, d.name);
    if (group.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "PCI device {} is behind no IOMMU: it has no IOMMU group", d.name);
    d.node = "/dev/vfio/" + group;
    const std::string driver = driver_of(host, d.name);
    if (driver == kVfio) return d; // whoever gave it to vfio-pci takes it back
    if (!managed)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "Unmanaged PCI device {} must be manually detached from the host", d.name);
    d.managed = true;
    d.driver = driver;
    d.pinned = pinned_of(host, d.name);
    return d;
}

std::vector<std::string> others_of_group(const Sysfs& host, const std::string& name) {
    auto all = host.names(pci_folder(name) + "/iommu_group/devices");
    if (!all) return {};
    std::erase(*all, name);
    return *std::move(all);
}

Status check_group(const Sysfs& host, const std::string& name, const std::vector<std::string>& names) {
    for (const std::string& other : others_of_group(host, name)) {
        if (std::find(names.begin(), names.end(), other) != names.end() || is_bridge(host, other)) continue;
        const std::string driver = driver_of(host, other);
        if (driver.empty() || driver == kVfio || driver == "pci-stub") continue;
        return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu,
                          "PCI device {} cannot be given to a guest: {} of the same IOMMU group ({}) is used by this host's driver '{}'; "
                          "give all devices of the group to the guest, or bind them to vfio-pci",
                          name, other, group_of(host, name), driver);
    }
    return {};
}

Status bind_to_vfio(const Sysfs& host, const HeldDevice& device) {
    const std::string& name = device.name;
    const std::string had = driver_of(host, name);
    if (had == kVfio) return {};
    PV_TRY(pin(host, name, kVfio));
    if (!had.empty()) PV_TRY(host.write(pci_folder(name) + "/driver/unbind", name));
    PV_TRY(host.write("/sys/bus/pci/drivers_probe", name));
    if (const std::string has = driver_of(host, name); has != kVfio)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "PCI device {} was not taken by vfio-pci: its driver is '{}' now", name, has);
    return {};
}

Status give_pci_back(const Sysfs& host, const HeldDevice& device) {
    const std::string& name = device.name;
    if (!device.managed || !host.exists(pci_folder(name))) return {};
    Status first;
    const auto done = [&first](const Status& step) {
        if (first && !step) first = step;
    };
    if (pinned_of(host, name) == kVfio) done(pin(host, name, device.pinned));
    std::string has = driver_of(host, name);
    if (!has.empty() && has != kVfio) return first; // not taken, or somebody has given it to another since
    if (has == kVfio) done(host.write(pci_folder(name) + "/driver/unbind", name));
    if (device.driver.empty()) return first;
    done(host.write("/sys/bus/pci/drivers_probe", name));
    has = driver_of(host, name);
    if (has == device.driver) return first;
    // Another is the kernel's first choice for it.
    if (!has.empty()) done(host.write(pci_folder(name) + "/driver/unbind", name));
    done(host.write(fmt::format("/sys/bus/pci/drivers/{}/bind", device.driver), name));
    return first;
}

} // namespace polyvirt::qemu
