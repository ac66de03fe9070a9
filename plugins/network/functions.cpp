// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "functions.h"

#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::network {
namespace {

namespace doc = sdk::network;
namespace fs = std::filesystem;

std::optional<doc::PciAddress> parse_name(const std::string& name) {
    unsigned domain = 0, bus = 0, slot = 0, function = 0;
    if (std::sscanf(name.c_str(), "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) return std::nullopt;
    return doc::PciAddress{domain, bus, slot, function};
}

} // namespace

std::string pci_name(const doc::PciAddress& a) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", a.domain.value_or(0), a.bus.value_or(0), a.slot.value_or(0),
                       a.function.value_or(0));
}

Status check_functions(const doc::Network& network, const std::string& sysfs) {
    if (network.mode() != doc::ForwardMode::hostdev) return {};
    if (!network.forward->interfaces.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                          "hostdev network '{}' lists '{}' in the device pool, but hostdev networks require all "
                          "devices to be listed by PCI address, not network device name",
                          network.name, network.forward->interfaces.front().dev);
    for (const doc::ForwardAddress& a : network.forward->addresses) {
        const std::string path = sysfs + "/bus/pci/devices/" + pci_name(a.pci);
        if (::access((path + "/physfn").c_str(), F_OK) != 0)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::network,
                              "device '{}' in network '{}' is not an SR-IOV Virtual Function", path, network.name);
    }
    return {};
}

Result<Functions> find_functions(const doc::Network& network, const std::string& sysfs) {
    Functions found;
    if (!network.forward || network.forward->pfs.empty() || !network.forward->interfaces.empty()) return found;
    const std::string& card = network.forward->pfs.front().dev;
    const fs::path device = fs::path(sysfs) / "class/net" / card / "device";
    std::error_code error;
    for (unsigned i = 0;; ++i) {
        const fs::path function = device / fmt::format("virtfn{}", i);
        const auto address = parse_name(fs::read_symlink(function, error).filename());
        if (error || !address) break;
        if (network.mode() == doc::ForwardMode::hostdev) {
            found.addresses.push_back({doc::AddressType::pci, *address, {}});
            continue;
        }
        // One that a guest or a driver of another kind has is no link of the host's now.
        std::error_code none;
        for (const fs::directory_entry& link : fs::directory_iterator(function / "net", none))
            found.interfaces.push_back({link.path().filename(), {}});
    }
    if (found.addresses.empty() && found.interfaces.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::network, "No usable Vf's present on SRIOV PF {}",
                          card);
    return found;
}

doc::Network with_functions(const doc::Network& network, const Functions& functions) {
    doc::Network whole = network;
    if (!whole.forward) return whole;
    if (!functions.addresses.empty()) whole.forward->addresses = functions.addresses;
    if (!functions.interfaces.empty()) whole.forward->interfaces = functions.interfaces;
    return whole;
}

} // namespace polyvirt::network
