// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/holdings.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

// As they begin a message.
constexpr const char* kKindNames[] = {"USB device", "PCI device", "SCSI device", "SCSI_host device", "mediated device"};

std::string key_of(HostKind kind, const std::string& name) { return fmt::format("{} {}", kHostKinds[static_cast<std::size_t>(kind)], name); }

} // namespace

Error in_use(HostKind kind, const std::string& name, const std::string& guest) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "{} {} is in use by driver QEMU, domain {}",
                      kKindNames[static_cast<std::size_t>(kind)], name, guest);
}

Status Holdings::take(const std::string& guest, const std::vector<HeldDevice>& devices) {
    const LeafLock lock(mu_);
    for (std::size_t i = 0; i < devices.size(); i++) {
        const HeldDevice& d = devices[i];
        for (std::size_t before = 0; before < i; before++)
            if (devices[before].kind == d.kind && devices[before].name == d.name) return in_use(d.kind, d.name, guest);
        const auto found = held_.find(key_of(d.kind, d.name));
        if (found == held_.end()) continue;
        const Held& held = found->second;
        if (d.kind == HostKind::scsi) {
            if (held.shared && d.shared && std::find(held.guests.begin(), held.guests.end(), guest) == held.guests.end()) continue;
            return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "SCSI device {} is already in use by other domain(s) as '{}'",
                              d.name, held.shared ? "shareable" : "non-shareable");
        }
        return in_use(d.kind, d.name, held.guests.front());
    }
    for (const HeldDevice& d : devices) {
        Held& held = held_[key_of(d.kind, d.name)];
        held.guests.push_back(guest);
        held.shared = d.shared;
    }
    return {};
}

void Holdings::release(const std::string& guest, const std::vector<HeldDevice>& devices) {
    const LeafLock lock(mu_);
    for (const HeldDevice& d : devices) {
        const auto found = held_.find(key_of(d.kind, d.name));
        if (found == held_.end()) continue;
        std::erase(found->second.guests, guest);
        if (found->second.guests.empty()) held_.erase(found);
    }
}

void Holdings::restore(const std::string& guest, const std::vector<HeldDevice>& devices) {
    const LeafLock lock(mu_);
    for (const HeldDevice& d : devices) {
        Held& held = held_[key_of(d.kind, d.name)];
        held.guests.push_back(guest);
        held.shared = d.shared;
    }
}

std::string Holdings::holder(HostKind kind, const std::string& name) const {
    const LeafLock lock(mu_);
    const auto found = held_.find(key_of(kind, name));
    return found == held_.end() ? std::string() : found->second.guests.front();
}

} // namespace polyvirt::qemu
