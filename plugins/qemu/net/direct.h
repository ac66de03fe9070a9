// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Macvtaps: links of a guest's own on a device of the host's. Unlike a tap, one outlives its emulator and the daemon: whoever
// makes it has written it down before (Guest::links, in the status record), and whoever clears up after the guest removes it.
//
//     PV_ASSIGN_OR_RETURN(const DirectLink link, plan_link(interface));   // and write it down
//     PV_ASSIGN_OR_RETURN(Tap tap, make_link(interface, link));
//     PV_TRY(remove_link(link));                                          // then it is in no record any more
//
// Workers and start-up; all need CAP_NET_ADMIN. Errors: system_error.

#include <optional>
#include <string>

#include "net/tap.h"
#include "sdk/xml/types.h"

namespace polyvirt::qemu {

struct DirectLink {
    std::string alias;  // of the interface
    std::string name;   // "macvtap0"
    std::string device; // of the host's, that it is on
    // Mode passthrough: what the device has the guest's MAC for, and what its own is.
    std::optional<sdk::xml::Mac> mac, device_mac;
    bool operator==(const DirectLink&) const = default;
};

// What will be made for an interface of type direct. A name that is taken is an error here, so that a record never names
// somebody else's link.
Result<DirectLink> plan_link(const sdk::domain::Interface& i);
// Made and down, or nothing of it is left.
Result<Tap> make_link(const sdk::domain::Interface& i, const DirectLink& link);
// Up while its guest's processors run: while they do not, this host would speak for a MAC that may be somewhere else. Absent is
// success.
Status show_link(const DirectLink& link, bool up);
// And the device has its own MAC again, unless somebody has given it another. Absent is success.
Status remove_link(const DirectLink& link);

} // namespace polyvirt::qemu
